"""One trace, all budgets: what a model wrote by itself, and where a thinking budget cuts it.

Up to where a budget cuts, a run under it writes the same tokens as one without (greedy: exactly; sampled: it may
as well take the same draws). So a problem is thought through once, as far as the largest budget reaches. A
smaller one's answer is that trace itself where it ended before the cut; else it branches: the tokens up to the
cut and the hint are shown to the model, which then writes the answer only. A trace can be carried on later.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from z1ray.window import NO_CAP, Window


@dataclass(frozen=True, slots=True)
class Trace:
    """The beginning of a turn, or all of it.

    Attributes:
        token_ids: What the model wrote, with nothing put in.
        ended: Whether it ended its turn by itself; the last token says so.
    """

    token_ids: Sequence[int]
    ended: bool

    def reaches(self, num_tokens: int) -> bool:
        """Whether it is that long; one that ended is never missing anything."""
        return self.ended or len(self.token_ids) >= num_tokens

    def is_cut_by(self, window: Window, breaks: Container[int]) -> bool:
        """Whether it is long enough to know where the window cuts it, or that it does not."""
        return self.ended or window.hint_due(self.token_ids, breaks) is not None

    def cut(self, window: Window, breaks: Container[int]) -> int | None:
        """Tokens before the hint of a run under ``window``; None if that run is this trace.

        Args:
            window: The window; without a cap, the trace is all there is to be written.
            breaks: Tokens that end a line.
        """
        position = window.hint_due(self.token_ids, breaks)
        assert self.ended or position is not None or window.budget == NO_CAP, "the trace ends before the cut"
        # A run that ends within the budget, its last token included, is never shown the hint.
        return None if self.ended and position == len(self.token_ids) else position


def size(budget: int) -> float:
    """A budget as a number that grows with the thinking it allows."""
    return float("inf") if budget == NO_CAP else budget
