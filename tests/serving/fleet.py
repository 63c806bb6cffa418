"""A fleet of replicas in discrete time, scaled by a real policy through Ray's own bounds-and-delays wrapper.

An engine decodes a number of sequences at a fixed rate each and takes a quarter
more requests than that; what is beyond waits at the handle, first come, first
served, and what finds the queue full is refused. New replicas need ``START_S``,
and one that has to go finishes its work. Reports reach the controller as late as
in Ray: every ``REPORT_S``, requests as their mean over ``LOOK_BACK_S``.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

import pytest

from z1ray.serving.replica.autoscaling import ONGOING_STAT, PENDING_STAT

SLOTS = 16
QUEUE = 256
TOKENS_PER_S = 40
ANSWER_LIMIT = 200
START_S = 60
REPORT_S = 5
LOOK_BACK_S = 10

Policy = Callable[[Any], tuple[float, dict[str, Any]]]


@dataclass(eq=False)
class Job:
    """A request: what it will think and answer, and what it may think at most."""

    arrives: int
    budget: int
    thinking: int
    answer: int
    answer_limit: int = ANSWER_LIMIT
    waited: int = -1
    ended: bool = False

    @property
    def seconds(self) -> int:
        """How long it is decoded."""
        return -(-(self.thinking + self.answer) // TOKENS_PER_S)


@dataclass(eq=False)
class Replica:
    """One engine and its batch, from the second at which it is up; ``running`` is a heap by the second of the end."""

    ready: int
    slots: int
    running: list[tuple[int, int, Job]] = field(default_factory=list)
    waiting: deque[Job] = field(default_factory=deque)
    num_jobs: int = 0
    draining: bool = False
    reported: tuple[int, int] = (0, 0)

    def take(self, job: Job) -> None:
        """A job waits for a slot."""
        self.waiting.append(job)
        self.num_jobs += 1

    def pending(self, now: int) -> int:
        """Tokens that its jobs may still write; nobody knows which will end early."""
        owed = sum(
            max(0, job.budget + job.answer_limit - (now - job.arrives - job.waited + 1) * TOKENS_PER_S)
            for _, _, job in self.running
        )
        return owed + sum(job.budget + job.answer_limit for job in self.waiting)

    def step(self, now: int) -> None:
        """One second of decoding."""
        while self.waiting and len(self.running) < self.slots:
            job = self.waiting.popleft()
            job.waited = now - job.arrives
            heapq.heappush(self.running, (now + job.seconds - 1, id(job), job))
        while self.running and self.running[0][0] <= now:
            heapq.heappop(self.running)[2].ended = True
            self.num_jobs -= 1


@dataclass
class Outcome:
    """What a policy made of a load: each job's wait for a slot, the target second by second, and the price."""

    waits: list[int]
    targets: list[int]
    replica_seconds: int
    num_refused: int

    @property
    def refused_share(self) -> float:
        """Jobs that found the queue full, among all."""
        return self.num_refused / (self.num_refused + len(self.waits))

    @property
    def mean_wait(self) -> float:
        """Seconds until the first token, averaged over the jobs."""
        return sum(self.waits) / len(self.waits)

    def wait_at(self, share: float) -> int:
        """The wait that this share of the jobs does not exceed."""
        return sorted(self.waits)[int(share * (len(self.waits) - 1))]

    def changes(self) -> list[int]:
        """The steps of the target number of replicas, +1 or -1 and so on, in order."""
        return [b - a for a, b in pairwise(self.targets) if a != b]


class Fleet:
    """One model's replicas under a policy.

    Args:
        policy: Called with an ``AutoscalingContext``, as Ray calls it.
        slots: Sequences that each engine decodes at a time.
        queue: Requests that may wait at the handle.
        settings: Of Ray's ``AutoscalingConfig``.
    """

    def __init__(
        self, policy: Policy, patch: pytest.MonkeyPatch, *, slots: int = SLOTS, queue: int = QUEUE, **settings: Any
    ) -> None:
        from ray.serve import autoscaling_policy
        from ray.serve.config import AutoscalingConfig

        self.config = AutoscalingConfig(**settings)
        self.policy = autoscaling_policy._apply_autoscaling_config(policy)
        self.now = 0
        patch.setattr(autoscaling_policy, "time", SimpleNamespace(time=lambda: self.now))
        self.slots, self.takes, self.room = slots, slots + slots // 4, queue
        self.replicas = [Replica(0, slots) for _ in range(self.config.min_replicas)]
        self.target = self.config.min_replicas
        self.queue: deque[Job] = deque()
        self.state: dict[str, Any] = {}
        self.past: deque[tuple[int, int]] = deque(maxlen=LOOK_BACK_S)

    def run(self, jobs: list[Job], seconds: int) -> Outcome:
        """Serve the jobs; all that were not refused must have ended by then."""
        coming = deque(sorted(jobs, key=lambda job: job.arrives))
        served: list[Job] = []
        targets, replica_seconds = [], 0
        for self.now in range(seconds):
            serving = self._serving()
            while self.queue and (replica := self._roomiest(serving)) is not None:
                replica.take(self.queue.popleft())
            while coming and coming[0].arrives <= self.now:
                job = coming.popleft()
                if (replica := None if self.queue else self._roomiest(serving)) is not None:
                    replica.take(job)
                elif len(self.queue) < self.room:
                    self.queue.append(job)
                else:
                    continue
                served.append(job)
            for replica in self.replicas:
                replica.step(self.now)
            self.replicas = [replica for replica in self.replicas if replica.num_jobs or not replica.draining]
            self._report()
            self._scale()
            targets.append(self.target)
            replica_seconds += len(self.replicas)
        assert not coming
        assert not self.queue
        assert all(job.ended for job in served), "a job was lost, or time is too short"
        return Outcome([job.waited for job in served], targets, replica_seconds, len(jobs) - len(served))

    def _serving(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.ready <= self.now and not replica.draining]

    def _roomiest(self, serving: list[Replica]) -> Replica | None:
        """The replica with the fewest jobs; None if none takes another."""
        least = min(serving, key=attrgetter("num_jobs"))
        return least if least.num_jobs < self.takes else None

    def _report(self) -> None:
        self.past.append((len(self.queue), sum(replica.num_jobs for replica in self._serving())))
        if self.now % REPORT_S == 0:
            for replica in self.replicas:
                replica.reported = (replica.pending(self.now), replica.num_jobs)

    def _scale(self) -> None:
        from ray.serve.config import AutoscalingContext

        serving = self._serving()
        queued = sum(queued for queued, _ in self.past) / len(self.past)
        running = sum(running for _, running in self.past) / len(self.past)
        reports = {
            stat: {f"replica-{i}": [SimpleNamespace(value=r.reported[which])] for i, r in enumerate(serving)}
            for which, stat in enumerate((PENDING_STAT, ONGOING_STAT))
        }
        context = AutoscalingContext(
            deployment_id=None,  # type: ignore[arg-type]
            deployment_name="model",
            app_name="app",
            current_num_replicas=len(serving),
            target_num_replicas=self.target,
            running_replicas=[],
            total_num_requests=queued + running,
            total_queued_requests=queued,
            aggregated_metrics={},
            raw_metrics=reports,  # type: ignore[arg-type]
            capacity_adjusted_min_replicas=self.config.min_replicas,
            capacity_adjusted_max_replicas=self.config.max_replicas,
            policy_state=self.state,
            last_scale_up_time=None,
            last_scale_down_time=None,
            current_time=self.now,
            config=self.config,
        )
        wanted, self.state = self.policy(context)
        self._set_target(max(self.config.min_replicas, min(self.config.max_replicas, wanted)))

    def _set_target(self, target: int) -> None:
        staying = [replica for replica in self.replicas if not replica.draining]
        # As Ray does: those that are not up yet go first.
        for replica in sorted(staying, key=lambda replica: -replica.ready)[: max(0, len(staying) - target)]:
            replica.draining = True
        self.replicas = [r for r in self.replicas if r.num_jobs or r.ready <= self.now or not r.draining]
        self.replicas += [Replica(self.now + START_S, self.slots) for _ in range(target - len(staying))]
        self.target = target
