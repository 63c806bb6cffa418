"""Autoscaling: the number of replicas follows the pending thinking tokens, not the number of requests.

Sixteen requests may be sixteen words or an hour of work, so a count of requests
says little about an LLM's load (ray#64725). With a cap the most that each can
think is known when it arrives, and what all of them still owe is the time until
the engine is free again. Each replica reports its own (``z1ray.serving.replica.pending``).

Ray calls the policy several times a second and itself applies the bounds and
the delays: the load must call for a change without a break for
``upscale_delay_s`` or ``downscale_delay_s``.

Ray sends this module to its controller by value, where z1ray may not be
installed: it imports nothing of z1ray.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.serve.config import AutoscalingContext

PENDING_STAT = "pending_thinking_tokens"
ONGOING_STAT = "ongoing_requests"
"""The names under which a replica reports what it has taken on."""

# A replica goes only if the rest would stay this share below their target: the load that
# called for it would otherwise call for it again at once.
_FULL_ENOUGH = 0.8


class PendingTokensPolicy:
    """Ray Serve's autoscaling policy for one model.

    Args:
        tokens_per_replica: Pending thinking tokens that one replica is to have at most.
        tokens_per_request: What a request counts that waits for a replica; what it will owe is not known yet.
        max_num_seqs: Sequences that one engine decodes together.
    """

    def __init__(self, *, tokens_per_replica: int, tokens_per_request: int, max_num_seqs: int) -> None:
        self._tokens_per_replica = tokens_per_replica
        self._tokens_per_request = tokens_per_request
        self._max_num_seqs = max_num_seqs

    def __call__(self, context: "AutoscalingContext") -> tuple[int, dict[str, Any]]:
        """The replicas wanted, and the state to keep, which is none."""
        queued = context.total_queued_requests
        pending = _latest(context, PENDING_STAT) + queued * self._tokens_per_request
        return self.replicas(pending, _latest(context, ONGOING_STAT) + queued, context.target_num_replicas), {}

    def replicas(self, pending: float, num_requests: float, current: int) -> int:
        """As many as keep each at its target; fewer than ``current`` only if they have room, and slots for all runs.

        Args:
            pending: Thinking tokens owed by all requests.
            num_requests: Requests in flight. One that has done its thinking owes none, yet holds its slot.
            current: The present target.
        """
        wanted = math.ceil(pending / self._tokens_per_replica)
        if wanted >= current:
            return wanted
        roomy = math.ceil(pending / (_FULL_ENOUGH * self._tokens_per_replica))
        return min(current, max(roomy, math.ceil(num_requests / self._max_num_seqs)))


def _latest(context: "AutoscalingContext", stat: str) -> float:
    """The sum of every replica's newest report; Ray's own aggregate averages over the past."""
    reports = (context.raw_metrics or {}).get(stat, {})
    return sum(series[-1].value for series in reports.values() if series)
