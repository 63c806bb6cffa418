"""The Shifted Thinking Window: a thinking cap without delimiter tags.

A run writes freely from the start of its turn. If it ends within ``budget``
tokens, that is the whole answer. If it has written ``budget`` tokens without
ending, the next ``len(hint)`` tokens are forced to be the hint, and the run
then writes its answer, up to ``max_tokens`` tokens in all.

Because a run that is still going at position ``budget`` is by definition cut,
the next forced token depends on the position alone: the window keeps no state,
so preemption, batching and resumption cannot disturb it.

Source: section "Shifted Thinking Window" of arXiv 2504.00810 and
``eval/*/reasoning.py`` of efficientscaling/Z1, which does the same in two
passes.
"""

from dataclasses import dataclass, field

from z1ray.errors import UserError

NO_CAP = -1

CODE_HINT = "\n\nI overthought it, the final answer should be:\n\n"
MATH_HINT = "\n\nI overthought it, the final answer in \\boxed{} should be:\n\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowConfig:
    """A model's window settings, shared by serving and evaluation.

    Attributes:
        default_budget: Thinking budget in tokens for requests that name none; -1 is no cap.
        max_budget: Largest budget a request may ask for; -1 is no maximum, and only
            then may a request run without a cap.
        efforts: Budgets by the name a request gives as ``reasoning_effort``.
        grace: Share of the budget, 0 to 1, that a run may go over it to reach the end of
            its line; 0 cuts exactly at the budget.
        answer_tokens: Tokens left for the answer after the hint when ``max_tokens`` is unset.
        hints: Hint texts by name.
        default_hint: The name of the hint used by requests that name none.
    """

    default_budget: int = 4096
    max_budget: int = NO_CAP
    efforts: dict[str, int] = field(
        default_factory=lambda: {"minimal": 512, "low": 1024, "medium": 4096, "high": 8192}
    )
    grace: float = 0.0
    answer_tokens: int = 1024
    hints: dict[str, str] = field(default_factory=lambda: {"code": CODE_HINT, "math": MATH_HINT})
    default_hint: str = "code"

    def __post_init__(self) -> None:
        if self.default_budget < NO_CAP:
            raise UserError(
                "window.default_budget",
                self.default_budget,
                "a thinking budget is -1 (no cap), 0 (straight to the hint) or a token count",
                "set it to -1 or more",
            )
        if self.answer_tokens < 1:
            raise UserError(
                "window.answer_tokens",
                self.answer_tokens,
                "a cut run needs room for its answer",
                "set it to 1 or more",
            )
        self.hint_text(None)

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
    """

    budget: int
    hint: tuple[int, ...]
    max_tokens: int | None

    def forced_token(self, num_generated: int) -> int | None:
        """The token that must come next after ``num_generated`` tokens, or None if free."""
        if self.budget == NO_CAP:
            return None
        offset = num_generated - self.budget
        return self.hint[offset] if 0 <= offset < len(self.hint) else None


@dataclass(frozen=True, slots=True)
class Accounting:
    """How a run's generated tokens divide; the three counts add up to its length."""

    thinking_tokens: int
    hint_tokens: int
    answer_tokens: int
    cut: bool


def resolve(
    config: WindowConfig,
    hint: tuple[int, ...],
    budget: int | None = None,
    max_tokens: int | None = None,
) -> Window:
    """Fill in a request's unset fields from its model's configuration.

    Args:
        config: The model's window settings.
        hint: Token ids of the chosen hint, tokenized without special tokens.
        budget: Thinking budget of the request; None takes the model's default.
        max_tokens: Total limit of the request; None is budget + hint + ``answer_tokens``.

    Raises:
        UserError: For a budget below -1, or a total limit that leaves no answer token.
    """
    assert hint, "a hint has at least one token"
    budget = config.default_budget if budget is None else budget
    if budget < NO_CAP:
        raise UserError(
            "thinking_budget",
            budget,
            "a thinking budget is -1 (no cap), 0 (straight to the hint) or a token count",
            "send -1 or more",
        )
    if budget == NO_CAP:
        return Window(budget, hint, max_tokens)
    if max_tokens is None:
        return Window(budget, hint, budget + len(hint) + config.answer_tokens)
    least = budget + len(hint) + 1
    if max_tokens < least:
        raise UserError(
            "max_tokens",
            max_tokens,
            f"thinking_budget {budget} and a hint of {len(hint)} tokens leave no token to answer with",
            f"send max_tokens of {least} or more, or a smaller thinking_budget",
        )
    return Window(budget, hint, max_tokens)


def account(window: Window, num_generated: int) -> Accounting:
    """Divide a finished run's tokens into thinking, hint and answer.

    A run that was not cut counts as thinking throughout, as Z1 averages it.
    """
    if window.budget == NO_CAP or num_generated <= window.budget:
        return Accounting(num_generated, 0, 0, cut=False)
    after = num_generated - window.budget
    hint_tokens = min(after, len(window.hint))
    return Accounting(window.budget, hint_tokens, after - hint_tokens, cut=True)
