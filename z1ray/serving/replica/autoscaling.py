"""Autoscaling: the number of replicas follows what is still to be written, in tokens and in slots.

Sixteen requests may be sixteen words or an hour of work, so a count of requests
says little about an LLM's load (ray#64725). With a cap the most that each can
write is known when it arrives, and what all of them still owe is the time until
the engine is free again. Each replica reports its own (``z1ray.serving.replica.pending``).
Tokens alone are not enough: each sequence also holds a slot of an engine until it
has ended, however little it owes.

A queue is bounded, so a full one says nothing of how much does not fit into it:
requests are being refused. Then the replicas that are up are doubled, beside those that
the queue itself asks for; and again once those are up.

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

PENDING_STAT = "pending_tokens"
ONGOING_STAT = "ongoing_sequences"
"""The names under which a replica reports what it has taken on."""

# A replica goes only if the rest would stay this share below their target: the load that
# called for it would otherwise call for it again at once.
_FULL_ENOUGH = 0.8
# A steady load sways: so few sequences beyond the slots wait for a moment, and no replica more is worth it.
_SWAY = 1.05
# Ray reports the queue's mean over seconds in which it may have filled.
_FULL_QUEUE = 0.5


class PendingTokensPolicy:
    """Ray Serve's autoscaling policy for one model.

    Args:
        tokens_per_replica: Pending tokens that one replica is to have at most.
        tokens_per_request: What a request counts that waits for a replica; what it will owe is not known yet.
        max_num_seqs: Sequences that one engine decodes together.
        max_queued_requests: Requests that may wait; a further one is refused.
    """

    def __init__(
        self, *, tokens_per_replica: int, tokens_per_request: int, max_num_seqs: int, max_queued_requests: int
    ) -> None:
        self._tokens_per_replica = tokens_per_replica
        self._tokens_per_request = tokens_per_request
        self._max_num_seqs = max_num_seqs
        self._max_queued = max_queued_requests

    def __call__(self, context: "AutoscalingContext") -> tuple[int, dict[str, Any]]:
        """The replicas wanted, and the state to keep, which is none."""
        queued = context.total_queued_requests
        pending = _latest(context, PENDING_STAT) + queued * self._tokens_per_request
        sequences = _latest(context, ONGOING_STAT) + queued
        wanted = self.replicas(pending, sequences, context.target_num_replicas)
        up = context.current_num_replicas
        # Replicas that have just come up empty the queue at once: they are not yet full.
        if queued >= _FULL_QUEUE * self._max_queued and sequences > _SWAY * self._max_num_seqs * up:
            wanted = max(wanted, 2 * up + math.ceil(queued / self._max_num_seqs))
        return wanted, {}

    def replicas(self, pending: float, sequences: float, current: int) -> int:
        """As many as keep each at its target and hold every sequence; fewer than ``current`` only with room to spare.

        Args:
            pending: Tokens owed by all requests.
            sequences: Those in flight, each of which holds a slot.
            current: The present target.
        """
        slots = math.ceil(sequences / (_SWAY * self._max_num_seqs))
        wanted = max(math.ceil(pending / self._tokens_per_replica), slots)
        if wanted >= current:
            return wanted
        roomy = math.ceil(pending / (_FULL_ENOUGH * self._tokens_per_replica))
        return min(current, max(roomy, slots))


def _latest(context: "AutoscalingContext", stat: str) -> float:
    """The sum of every replica's newest report; Ray's own aggregate averages over the past."""
    reports = (context.raw_metrics or {}).get(stat, {})
    return sum(series[-1].value for series in reports.values() if series)
