"""Bounds that a request's window gets beside what its client asked for: its deadline, a quota, the load.

Each resolves to one budget in tokens before the engine sees the request, so that the
window itself stays what it is. The smallest holds, and the client is told which it was
(``thinking.bounded_by``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from z1ray.serving.window.request import WindowRequest
from z1ray.window import NO_CAP, Window, WindowConfig

DEADLINE, QUOTA, LOAD, CONVERSATION = "deadline", "quota", "load", "conversation"
"""What may bound a budget, beside the client (``asked``) and the model's settings (``default``)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest thinking budget that something leaves to a request.

    Attributes:
        budget: Tokens, 0 or more.
        by: What leaves no more: ``DEADLINE``, ``QUOTA``, ``LOAD`` or ``CONVERSATION``.
    """

    budget: int
    by: str


def bound(
    wanted: WindowRequest, bounds: Iterable[Bound], config: WindowConfig, context_room: int | None
) -> WindowRequest:
    """Lower a request's budget to the smallest bound that is below it; other bounds change nothing.

    Grace shrinks with the budget. A limit that the client named stays, so that the answer gets what thinking
    loses; any other follows the budget: budget, grace, hint and ``answer_tokens``, within the room.

    Left as it is: a request whose cap could not be enforced (``fixed``), and one whose limit is too short for the
    hint and a token after it, or within every bound.

    Args:
        wanted: The request, resolved without them.
        bounds: What else bounds its budget.
        config: The model's window settings.
        context_room: Tokens that the prompt leaves of the context; None if it is not known.
    """
    window = wanted.window
    least = min(bounds, key=lambda each: each.budget, default=None)
    if least is None or wanted.fixed or not window.budget:
        return wanted
    if window.budget != NO_CAP and (least.budget >= window.budget or not window.can_cut):
        return wanted
    most = window.max_tokens if wanted.limited else context_room
    if window.budget == NO_CAP and most is not None and most <= max(least.budget, len(window.hint)):
        return wanted
    lowered = _lowered(window, max(0, least.budget), grace_share(window, config), most)
    if not wanted.limited:
        follows = lowered.budget + lowered.grace_tokens + len(window.hint) + config.answer_tokens
        lowered = replace(lowered, max_tokens=follows if most is None else min(follows, most))
    return replace(wanted, window=lowered, bounded_by=least.by)


def _lowered(window: Window, budget: int, grace: Fraction, most: int | None) -> Window:
    """With that budget, or what of it leaves a token of ``most`` to answer with."""
    if most is not None:
        budget = min(budget, int((most - len(window.hint) - 1) / (1 + grace)))
    return replace(window, budget=budget, grace_tokens=int(budget * grace))


def grace_share(window: Window, config: WindowConfig) -> Fraction:
    """The share of the budget that the grace is; where there is no budget to be a share of, the model's."""
    if window.budget > 0:
        return Fraction(window.grace_tokens, window.budget)
    return Fraction(str(config.grace))
