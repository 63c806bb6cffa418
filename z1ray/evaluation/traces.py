"""One trace, all budgets: which answers are branches of which trace.

A trace is a run at the largest budget. Up to where a smaller budget cuts, a run under that budget writes
the same tokens (greedy: exactly; sampled: it may as well take the same draws). So its answer is the trace
itself where that ended before the cut; else it branches: the trace's tokens up to the cut and the hint are
shown to the model, which then writes the answer only.
"""

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from z1ray.window import NO_CAP, Window


@dataclass(frozen=True, slots=True)
class Trace:
    """A finished run.

    Attributes:
        budget: The thinking budget it had; -1 is no cap.
        token_ids: All its tokens: thinking, hint and answer.
        cut: Whether its thinking was cut.
    """

    budget: int
    token_ids: Sequence[int]
    cut: bool

    def reaches(self, budget: int) -> bool:
        """Whether a run under ``budget`` would cut no later; one that ended by itself serves every budget."""
        return not self.cut or size(budget) <= size(self.budget)

    def shown(self, window: Window, breaks: Container[int]) -> tuple[int, ...] | None:
        """Thinking and hint that a run under ``window`` goes on from; None if that run is this trace.

        Args:
            window: The window of a budget that the trace reaches. The share of grace is the same for both, so
                the line end or last position where it cuts never lies behind the trace's own cut.
            breaks: Tokens that end a line.
        """
        assert self.reaches(window.budget), "the trace was cut before this budget"
        position = None if window.budget == self.budget else window.cut_position(self.token_ids, breaks)
        return None if position is None else (*self.token_ids[:position], *window.hint)


def size(budget: int) -> float:
    """A budget as a number that grows with the thinking it allows."""
    return float("inf") if budget == NO_CAP else budget


def serving(traces: Iterable[Trace], budget: int) -> Trace | None:
    """The trace that a budget's answer is taken from; None if one has to be made.

    Of several, the one with the smallest budget. So a trace that is made later, at a larger budget, changes
    nothing for the answers that are there.
    """
    return min((trace for trace in traces if trace.reaches(budget)), key=lambda trace: size(trace.budget), default=None)
