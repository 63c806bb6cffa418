"""Brown-out: as a model's queue fills, budgets shrink, so that everybody is answered before anybody is refused.

From a share of the queue on, budgets shrink linearly, to a floor at the queue's end.
Default budgets do; what a client asked for is kept, unless the operator says otherwise.
"""

from dataclasses import dataclass

from z1ray.serving.window.bounds import LOAD, Bound
from z1ray.serving.window.request import DEFAULT, WindowRequest
from z1ray.window import NO_CAP


@dataclass(frozen=True, slots=True)
class BrownOut:
    """How a model's budgets shrink under load.

    Attributes:
        begins: Share of the queue, 0 to 1, at which they begin to; 1 is never.
        floor: Budget in tokens at the queue's end.
        asked: Whether those that clients asked for shrink, too.
        queue: Requests that may wait in Serve's queue.
    """

    begins: float
    floor: int
    asked: bool
    queue: int


def brown_out(wanted: WindowRequest, settings: BrownOut, load: float, most_tokens: int) -> Bound | None:
    """What the load leaves of a request's budget; None if it does not matter to it.

    Args:
        wanted: The request as it would run without load.
        settings: Of its model.
        load: Share of the queue that is taken; 1 is full.
        most_tokens: What a request without a cap may think at most.
    """
    shrunk = _shrunk(settings, load)
    if not shrunk or not (settings.asked or wanted.bounded_by == DEFAULT):
        return None
    full = most_tokens if wanted.window.budget == NO_CAP else wanted.window.budget
    return Bound(round(full - shrunk * (full - min(settings.floor, full))), LOAD)


def _shrunk(settings: BrownOut, load: float) -> float:
    """How far budgets have gone from full (0) to the floor (1)."""
    if settings.begins >= 1:
        return 0.0
    return min(1.0, max(0.0, (load - settings.begins) / (1 - settings.begins)))
