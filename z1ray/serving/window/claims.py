"""From a request's window to what it claims of the book of tokens, and from what it is granted to a bound.

Reserved for each sequence is the most it can write: budget, grace, hint and answer.
"""

from z1ray.errors import UserError
from z1ray.serving.quota.entries import NO_LIMITS, Claim, Conversation, Granted, Limits
from z1ray.serving.window.bounds import Bound, bound, grace_share
from z1ray.serving.window.conversation import BUDGET
from z1ray.serving.window.request import DEFAULT, WindowRequest
from z1ray.window import NO_CAP, WindowConfig


def claim_of(
    wanted: WindowRequest,
    config: WindowConfig,
    room: int,
    *,
    claim_id: str,
    key: str,
    limits: Limits = NO_LIMITS,
    conversation: Conversation | None = None,
) -> Claim:
    """What a request claims.

    Args:
        wanted: The request; a default budget gives way to the quota.
        config: The model's window settings.
        room: Tokens that its prompt leaves of the context, or the context.
        claim_id: Made for this request.
        key: Name of the key's holder.
        limits: Of the key's quota.
        conversation: The one it belongs to.
    """
    rest = None if wanted.limited or wanted.fixed else len(wanted.window.hint) + config.answer_tokens
    return Claim(
        claim_id,
        key,
        wanted.num_runs * _most_tokens(wanted, room),
        limits,
        wanted.num_runs * most_thinking(wanted, room),
        None if rest is None else wanted.num_runs * rest,
        wanted.bounded_by == DEFAULT and rest is not None,
        conversation,
    )


def granted_window(
    wanted: WindowRequest, config: WindowConfig, room: int | None, context: int, granted: Granted
) -> WindowRequest | None:
    """The request within what it was granted.

    Args:
        wanted: The request as it was claimed.
        config: The model's window settings.
        room: Tokens that its prompt leaves of the context; None if it is not known.
        context: The model's context in tokens.
        granted: The answer to its claim.

    Returns:
        None if no cap that can be enforced keeps it within.
    """
    if granted.by is None:
        return wanted
    budget = int(granted.thinking // wanted.num_runs / (1 + grace_share(wanted.window, config)))
    got = bound(wanted, [Bound(budget, granted.by)], config, room)
    most = context if room is None else room
    within = got.num_runs * most_thinking(got, most) <= granted.thinking
    return got if within and got.num_runs * _most_tokens(got, most) <= granted.tokens else None


def unbound(wanted: WindowRequest, left: int) -> UserError:
    """The refusal of a request whose thinking no cap keeps within what its conversation has left."""
    if wanted.fixed:
        return UserError(
            BUDGET,
            left,
            "so little is left of it, and no cap but 0 can be enforced on such a request",
            "send thinking_budget 0, or a larger budget",
        )
    problem = "so little is left of it, and the limit on tokens does not hold the hint"
    return UserError(BUDGET, left, problem, "send a larger max_tokens, or a larger budget")


def most_thinking(wanted: WindowRequest, room: int) -> int:
    """The most that one sequence can think: what a grammar shapes is an answer, and without a cap all may be thinking.

    Args:
        wanted: The request.
        room: Tokens that its prompt leaves of the context, or the context.
    """
    window, most = wanted.window, _most_tokens(wanted, room)
    if wanted.constrained or not window.budget:
        return 0
    return most if window.budget == NO_CAP else min(window.budget + window.grace_tokens, most)


def _most_tokens(wanted: WindowRequest, room: int) -> int:
    limit = wanted.window.max_tokens
    return room if limit is None else min(limit, room)
