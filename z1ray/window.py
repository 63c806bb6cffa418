"""The Shifted Thinking Window: a thinking cap without delimiter tags.

A run writes freely from the start of its turn. If it ends within ``budget``
tokens, that is the whole answer. If it has written ``budget`` tokens without
ending, the next ``len(hint)`` tokens are forced to be the hint, and the run
then writes its answer, up to ``max_tokens`` tokens in all. With grace, the cut
waits for the end of the line being written, at most ``grace_tokens`` tokens.

Where a run is cut follows from its own tokens alone: the window keeps no state,
so preemption, batching and resumption cannot disturb it.

Source: section "Shifted Thinking Window" of arXiv 2504.00810 and
``eval/*/reasoning.py`` of efficientscaling/Z1, which does the same in two
passes.
"""

import math
from collections.abc import Container, Sequence
from dataclasses import dataclass

from z1ray.errors import UserError
from z1ray.settings import check, setting

NO_CAP = -1

CODE_HINT = "\n\nI overthought it, the final answer should be:\n\n"
MATH_HINT = "\n\nI overthought it, the final answer in \\boxed{} should be:\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowConfig:
    """A model's window settings, shared by serving and evaluation."""

    default_budget: int = setting(
        4096, "Thinking budget in tokens of requests that name none; -1 is no cap.", least=NO_CAP
    )
    max_budget: int = setting(
        NO_CAP,
        "Largest budget a request may ask for; -1 is no maximum, and only then may a request run without a cap.",
        least=NO_CAP,
    )
    efforts: dict[str, int] = setting(
        lambda: {"minimal": 512, "low": 1024, "medium": 4096, "high": 8192},
        "Budgets by the name that a request gives as `reasoning_effort`. Unless they are configured, `none` is 0, "
        "and `xhigh` and `max` are the largest of the others.",
        least=NO_CAP,
    )
    grace: float = setting(
        0.0,
        "Share of the budget that a run may go over it to reach the end of its line; 0 cuts exactly at the budget.",
        least=0,
        most=1,
    )
    answer_tokens: int = setting(
        1024, "Tokens left for the answer after the hint where `max_tokens` is unset.", least=1
    )
    hints: dict[str, str] = setting(lambda: {"code": CODE_HINT, "math": MATH_HINT}, "Hint texts by name.")
    default_hint: str = setting("code", "The name of the hint used by requests that name none.")

    def __post_init__(self) -> None:
        check(self, "window")
        self._check_budget("window.default_budget", self.default_budget)
        for name, budget in self.efforts.items():
            self._check_budget(f"window.efforts.{name}", budget)
        for name, text in self.hints.items():
            if not text:
                raise UserError(f"window.hints.{name}", text, "the hint is empty", "write its text, or remove it")
        self.hint_text(None)

    def _check_budget(self, field: str, budget: int) -> None:
        if self.max_budget != NO_CAP and not 0 <= budget <= self.max_budget:
            raise UserError(
                field,
                budget,
                f"it is over window.max_budget, which is {self.max_budget}",
                f"set it from 0 to {self.max_budget}, or raise window.max_budget",
            )

    def known_efforts(self) -> dict[str, int]:
        """Budgets by every name that a request may give, configured or not."""
        largest = max(self.efforts.values(), key=lambda budget: math.inf if budget == NO_CAP else budget, default=None)
        highest = {} if largest is None else {"xhigh": largest, "max": largest}
        return {"none": 0, **highest, **self.efforts}

    def hint_text(self, name: str | None) -> str:
        """The text of the named hint (of the default one for None); UserError if unknown."""
        key = self.default_hint if name is None else name
        if key not in self.hints:
            raise UserError(
                "hint",
                key,
                "no hint of that name is configured",
                f"use one of: {', '.join(sorted(self.hints))}",
            )
        return self.hints[key]


@dataclass(frozen=True, slots=True)
class Window:
    """One request's resolved window.

    Attributes:
        budget: Thinking budget in tokens; -1 is no cap.
        hint: Token ids of the hint.
        max_tokens: Limit on all generated tokens (thinking, hint and answer); None
            leaves it to the engine, which only a run without a cap may do.
        grace_tokens: Tokens the run may write over its budget to end its line; 0 cuts exactly there.
    """

    budget: int
    hint: tuple[int, ...]
    max_tokens: int | None
    grace_tokens: int = 0

    @property
    def answer_tokens(self) -> int:
        """Tokens left for the answer if all the grace is taken; only a window with a cap has a number of them."""
        assert self.budget != NO_CAP
        assert self.max_tokens is not None
        return self.max_tokens - self.budget - self.grace_tokens - len(self.hint)

    @property
    def can_cut(self) -> bool:
        """False if no run is ever cut: without a cap, or if the limit comes no later than the cut."""
        return self.budget != NO_CAP and (self.max_tokens is None or self.max_tokens > self.budget)

    def hint_due(self, generated: Sequence[int], breaks: Container[int], start: int = 0) -> int | None:
        """Where the hint starts, or is to start next; None if the run may still write freely.

        The cut comes at the first position from ``budget`` to ``budget + grace_tokens``
        that follows a token of ``breaks``, else at the last of them. With budget 0
        nothing is being written, so no line is waited for.

        Args:
            generated: Tokens written so far.
            breaks: Tokens that end a line.
            start: First position to look at; an earlier one is known not to be the cut.
        """
        if self.budget == NO_CAP:
            return None
        last = self.budget + self.grace_tokens if self.budget else 0
        for position in range(max(start, self.budget), min(last, len(generated)) + 1):
            if position == last or generated[position - 1] in breaks:
                return position
        return None

    def cut_position(self, generated: Sequence[int], breaks: Container[int]) -> int | None:
        """Index of the hint's first token within ``generated``; None if the run is not cut (yet)."""
        position = self.hint_due(generated, breaks)
        return position if position is not None and position < len(generated) else None


@dataclass(frozen=True, slots=True)
class Accounting:
    """How a run's generated tokens divide; the three counts add up to its length."""

    thinking_tokens: int
    hint_tokens: int
    answer_tokens: int
    cut: bool


def account(window: Window, generated: Sequence[int], breaks: Container[int]) -> Accounting:
    """Divide a finished run's tokens into thinking, hint and answer.

    A run that was not cut counts as thinking throughout, as Z1 averages it.

    Args:
        window: The window the run had.
        generated: All its tokens.
        breaks: Tokens that end a line (``z1ray.engine.tokens.newline_token_ids``); only grace needs them.
    """
    position = window.cut_position(generated, breaks)
    if position is None:
        return Accounting(len(generated), 0, 0, cut=False)
    after = len(generated) - position
    hint_tokens = min(after, len(window.hint))
    return Accounting(position, hint_tokens, after - hint_tokens, cut=True)
