"""A finished run, told by what it keeps of its trace."""

from collections.abc import Sequence
from dataclasses import dataclass

from z1ray.evaluation.traces import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The first tokens of a trace and what was added to them.

    Attributes:
        kept: Tokens of the trace that it begins with.
        added: The tokens after those: what was put in, and what the model wrote to it.
        thinking_tokens, hint_tokens, answer_tokens: How all its tokens divide.
        cut: Whether its thinking was cut.
        sample: Which of several runs of its method, budget and request it is.
    """

    kept: int
    added: Sequence[int]
    thinking_tokens: int
    hint_tokens: int
    answer_tokens: int
    cut: bool
    sample: int = 0

    def __post_init__(self) -> None:
        counted = self.thinking_tokens + self.hint_tokens + self.answer_tokens
        assert counted == self.kept + len(self.added), "tokens were lost or counted twice"


def whole(trace: Trace, num_thinking: int | None = None) -> Run:
    """The trace itself.

    Args:
        trace: The trace.
        num_thinking: Tokens of it that are thinking; None is all of them, as Z1 averages them.
    """
    length = len(trace.token_ids)
    thinking = length if num_thinking is None else num_thinking
    return Run(
        kept=length, added=(), thinking_tokens=thinking, hint_tokens=0, answer_tokens=length - thinking, cut=False
    )


def cut_run(kept: int, thinking: Sequence[int], hint: Sequence[int], answer: Sequence[int]) -> Run:
    """A run that was cut after so many tokens of the trace and some ``thinking`` of its own, if any."""
    return Run(
        kept=kept,
        added=(*thinking, *hint, *answer),
        thinking_tokens=kept + len(thinking),
        hint_tokens=len(hint),
        answer_tokens=len(answer),
        cut=True,
    )
