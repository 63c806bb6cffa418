"""What a replica tells the ingress of a quota, before its first answer: headers, or a refusal."""

import math
from dataclasses import dataclass, field

from z1ray.serving.quota.book import MAX_CONVERSATIONS
from z1ray.serving.quota.entries import Refused, Standing

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class Allowance:
    """Headers that a request's response gets."""

    headers: Headers


@dataclass(frozen=True, slots=True)
class Denied:
    """A request that got no reservation.

    Attributes:
        status: Of HTTP.
        code: Of the error.
        message: For people.
        headers: Of the response, ``Retry-After`` among them.
    """

    status: int
    code: str
    message: str
    headers: Headers = field(default_factory=dict)


UNREACHABLE = Denied(
    503, "quota_unavailable", "the book of quotas does not answer; send it again", {"Retry-After": "5"}
)
"""For a request whose tokens could not be reserved, because nobody could say whether there are any."""


def allowance(standing: Standing) -> Allowance:
    """OpenAI's headers for the quota of which least is left."""
    return Allowance(
        {
            "x-ratelimit-limit-tokens": str(standing.limit),
            "x-ratelimit-remaining-tokens": str(standing.left),
            "x-ratelimit-reset-tokens": duration(standing.reset_s),
        }
    )


def denied(refused: Refused) -> Denied:
    """429 for a claim without room."""
    retry = {"Retry-After": str(max(1, math.ceil(refused.retry_after_s)))}
    standing = refused.standing
    if standing is None:
        message = f"{MAX_CONVERSATIONS} conversations of this key are remembered, and there is no room for another"
        return Denied(429, "too_many_conversations", message, retry)
    remedy = f"send it again after {retry['Retry-After']} s, or less of it (max_tokens, thinking_budget, n)"
    if refused.wanted > standing.limit:
        remedy = "it never fits: send less of it (max_tokens, thinking_budget, n)"
    message = (
        f"the quota of this key is {standing.limit} tokens per {standing.period}, of which {standing.left} are left, "
        f"and the request may write {refused.wanted}; {remedy}"
    )
    return Denied(429, "quota_exceeded", message, {**allowance(standing).headers, **retry})


def duration(seconds: float) -> str:
    """A time as OpenAI's headers have it: ``6m0s``, ``1h2m3s``, ``120ms``."""
    if seconds < 1:
        return f"{max(1, math.ceil(seconds * 1000))}ms"
    whole = math.ceil(seconds)
    hours, minutes = whole // 3600, whole // 60 % 60
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if whole >= 60 else "") + f"{whole % 60}s"
