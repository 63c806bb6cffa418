"""A fleet of replicas in discrete time, scaled by a real policy through Ray's own bounds-and-delays wrapper.

An engine decodes ``SLOTS`` sequences at a fixed rate each and takes a quarter
more requests than that; what is beyond waits at the handle, first come, first
served. New replicas need ``START_S``, and one that has to go finishes its work.
Reports reach the controller as late as in Ray: every ``REPORT_S``, requests as
their mean over ``LOOK_BACK_S``.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from z1ray.serving.replica.autoscaling import ONGOING_STAT, PENDING_STAT

SLOTS = 16
TAKES = SLOTS + SLOTS // 4
TOKENS_PER_S = 40
START_S = 60
REPORT_S = 5
LOOK_BACK_S = 10

Policy = Callable[[Any], tuple[float, dict[str, Any]]]


@dataclass
class Job:
    """A request: what it will think and answer, and what it may think at most."""

    arrives: int
    budget: int
    thinking: int
    answer: int
    written: int = 0
    waited: int = -1


@dataclass(eq=False)
class Replica:
    """One engine and its batch, from the second at which it is up."""

    ready: int
    jobs: list[Job] = field(default_factory=list)
    draining: bool = False
    reported: tuple[int, int] = (0, 0)

    def pending(self) -> int:
        """Thinking tokens that its jobs may still write; nobody knows which will end early."""
        return sum(max(0, job.budget - job.written) for job in self.jobs if job.written < job.thinking)

    def step(self, now: int) -> None:
        """One second of decoding."""
        for job in self.jobs[:SLOTS]:
            if job.waited < 0:
                job.waited = now - job.arrives
            job.written += TOKENS_PER_S
        self.jobs = [job for job in self.jobs if job.written < job.thinking + job.answer]


@dataclass
class Outcome:
    """What a policy made of a load: each job's wait for a slot, the target second by second, and the price."""

    waits: list[int]
    targets: list[int]
    replica_seconds: int

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
        settings: Of Ray's ``AutoscalingConfig``.
    """

    def __init__(self, policy: Policy, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> None:
        from ray.serve import autoscaling_policy
        from ray.serve.config import AutoscalingConfig

        self.config = AutoscalingConfig(**settings)
        self.policy = autoscaling_policy._apply_autoscaling_config(policy)
        self.now = 0
        monkeypatch.setattr(autoscaling_policy, "time", SimpleNamespace(time=lambda: self.now))
        self.replicas = [Replica(ready=0) for _ in range(self.config.min_replicas)]
        self.target = self.config.min_replicas
        self.queue: deque[Job] = deque()
        self.state: dict[str, Any] = {}
        self.past: deque[tuple[int, int]] = deque(maxlen=LOOK_BACK_S)

    def run(self, jobs: list[Job], seconds: int) -> Outcome:
        """Serve the jobs; all must have ended by then."""
        coming = deque(sorted(jobs, key=lambda job: job.arrives))
        targets, replica_seconds = [], 0
        for self.now in range(seconds):
            while coming and coming[0].arrives <= self.now:
                self.queue.append(coming.popleft())
            self._dispatch()
            for replica in self.replicas:
                replica.step(self.now)
            self.replicas = [replica for replica in self.replicas if replica.jobs or not replica.draining]
            self._report()
            self._scale()
            targets.append(self.target)
            replica_seconds += len(self.replicas)
        assert not coming
        assert not self.queue
        assert all(job.written >= job.thinking + job.answer for job in jobs), "a job was lost, or time is too short"
        return Outcome([job.waited for job in jobs], targets, replica_seconds)

    def _serving(self) -> list[Replica]:
        return [replica for replica in self.replicas if replica.ready <= self.now and not replica.draining]

    def _dispatch(self) -> None:
        while self.queue:
            least = min(self._serving(), key=lambda replica: len(replica.jobs))
            if len(least.jobs) >= TAKES:
                return
            least.jobs.append(self.queue.popleft())

    def _report(self) -> None:
        self.past.append((len(self.queue), sum(len(replica.jobs) for replica in self._serving())))
        if self.now % REPORT_S == 0:
            for replica in self.replicas:
                replica.reported = (replica.pending(), len(replica.jobs))

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
            self.replicas = [kept for kept in self.replicas if kept.jobs or kept.ready <= self.now or not kept.draining]
        self.replicas += [Replica(self.now + START_S) for _ in range(target - len(staying))]
        self.target = target
