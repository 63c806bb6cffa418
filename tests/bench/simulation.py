"""A discrete-event simulation of batch generation: Ray Data hands batches to vLLM replicas.

What is modelled, and where it is from:

- A replica decodes up to ``max_num_seqs`` sequences together; a step in which n
  of them each write a token takes ``step_s + n * sequence_s``, and a prompt that
  joins makes all of them wait ``prompt_token_s`` per token (continuous batching
  without chunked prefill, as vLLM's CPU build runs here).
- Rows travel in batches in the order of the table. A replica holds at most
  ``batches_bound`` of them (Ray Data's ``max_tasks_in_flight_per_actor``: a batch
  once bound stays with its replica), of which ``batches_open`` are in the engine
  (``max_concurrent_batches``); a batch returns when its last row has ended
  (``StatefulStageUDF``), and only then is there room for the next. The replica
  with the fewest batches gets the next one (Ray Data's actor pool).
- A replica dies after an exponential lifetime and comes back after ``restart_s``.
  Its batches wait for it and all their rows are done again, ended ones too: Ray
  resubmits an actor's tasks to the restarted actor.

Not modelled: the driver's own speed, transfers, writing; prefix caching; running
out of KV cache; the growth of a step with the length of the context.

Virtual time makes it fast: a replica counts steps, a sequence that joins at step k
with n tokens to write ends at step k + n, so the next event of a replica is the
smallest such number in a heap, and nothing happens per token.
"""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from tests.bench.workload import Requests


@dataclass(frozen=True, kw_only=True)
class StepTimes:
    """Seconds of a decode step: ``step_s + n * sequence_s``; of a prompt: ``prompt_token_s`` per token."""

    step_s: float
    sequence_s: float
    prompt_token_s: float


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """The replicas and how they are fed.

    Attributes:
        num_replicas: Engines.
        max_num_seqs: Sequences a replica decodes together.
        batch_size: Rows handed over together.
        batches_open: Batches whose rows are in a replica's engine.
        batches_bound: Batches that belong to a replica: open or next in line.
        lifetime_s: Mean time until a replica dies.
        restart_s: Time from its death until it works again.
    """

    num_replicas: int
    max_num_seqs: int
    batch_size: int
    batches_open: int
    batches_bound: int
    lifetime_s: float = math.inf
    restart_s: float = 300.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a simulated run.

    Attributes:
        makespan_s: Start to the end of the last row.
        ideal_s: See ``ideal_seconds``.
        num_deaths: Replicas that died with work in hand.
    """

    makespan_s: float
    ideal_s: float
    num_deaths: int

    @property
    def efficiency(self) -> float:
        """Ideal over actual."""
        return self.ideal_s / self.makespan_s


def ideal_seconds(requests: Requests, cluster: Cluster, times: StepTimes) -> float:
    """A makespan that no schedule of these replicas can beat: the larger of two bounds.

    All work divided evenly over the replicas down to the single token, every step
    with a full batch (the cheapest per token); and the request that takes longest
    alone on a replica, which nothing makes shorter.
    """
    prompts = requests.prompt_tokens * times.prompt_token_s
    steps = requests.output_tokens - 1  # the prompt's own pass gives the first token
    full = times.step_s / cluster.max_num_seqs + times.sequence_s
    divisible = float((prompts + steps * full).sum()) / cluster.num_replicas
    alone = float((prompts + steps * (times.step_s + times.sequence_s)).max())
    return max(divisible, alone)


def simulate(requests: Requests, cluster: Cluster, times: StepTimes, seed: int = 0) -> Outcome:
    """Run ``requests`` in their order on an idle cluster until the last one has ended."""
    rng = np.random.default_rng(seed)
    queue = _batches(requests, cluster.batch_size)
    replicas = [_Replica(cluster, times) for _ in range(cluster.num_replicas)]
    for _ in range(cluster.batches_bound):
        for replica in replicas:
            replica.bind(queue)
    events = [(replica.start(0.0, rng), number) for number, replica in enumerate(replicas) if replica.bound]
    heapq.heapify(events)
    now = 0.0
    while events:
        at, number = events[0]
        replica = replicas[number]
        following = replica.happen(queue, rng)
        if following is None:
            now = max(now, at)
            heapq.heappop(events)
        else:
            heapq.heapreplace(events, (following, number))
    assert not queue
    assert not any(replica.bound or replica.open for replica in replicas)
    num_deaths = sum(replica.num_deaths for replica in replicas)
    return Outcome(makespan_s=now, ideal_s=ideal_seconds(requests, cluster, times), num_deaths=num_deaths)


@dataclass(eq=False, slots=True)
class _Batch:
    rows: list[tuple[int, int]]  # prompt tokens, output tokens
    left: int = 0


@dataclass(eq=False, slots=True)
class _Replica:
    """One engine and its batches; time runs only inside ``happen``."""

    cluster: Cluster
    times: StepTimes
    bound: deque[_Batch] = field(default_factory=deque)  # next in line
    open: dict[_Batch, None] = field(default_factory=dict)  # in the order they were opened
    waiting: deque[tuple[int, int, _Batch]] = field(default_factory=deque)
    running: list[tuple[int, int, _Batch]] = field(default_factory=list)  # heap by last step
    step: int = 0
    admitted: int = 0
    at: float = 0.0  # of the next event
    dies_at: float = math.inf
    num_deaths: int = 0

    def bind(self, queue: deque[_Batch]) -> None:
        """Take the next batch of the table, if there is one."""
        if queue:
            self.bound.append(queue.popleft())

    def start(self, now: float, rng: np.random.Generator) -> float:
        """A new engine with nothing in it; returns when its next event is."""
        self.dies_at = now + rng.exponential(self.cluster.lifetime_s)  # infinite: never
        return self._plan(now)

    def happen(self, queue: deque[_Batch], rng: np.random.Generator) -> float | None:
        """Let the next event happen; returns when the one after it is, None if there is nothing left to do."""
        if self.dies_at < self.at:
            return self._die(rng)
        self._end_rows()
        while len(self.bound) + len(self.open) < self.cluster.batches_bound and queue:
            self.bind(queue)
        return self._plan(self.at) if self.bound or self.open else None

    def _plan(self, now: float) -> float:
        """Fill the engine at ``now``; the next event is the end of the shortest sequence, or death."""
        prefill_s = self._fill() * self.times.prompt_token_s
        step_s = self.times.step_s + len(self.running) * self.times.sequence_s
        self.at = now + prefill_s + (self.running[0][0] - self.step) * step_s
        return min(self.at, self.dies_at)

    def _fill(self) -> int:
        """Open batches and admit rows as there is room; returns the prompt tokens that joined."""
        while self.bound and len(self.open) < self.cluster.batches_open:
            batch = self.bound.popleft()
            batch.left = len(batch.rows)
            self.open[batch] = None
            self.waiting.extend((*row, batch) for row in batch.rows)
        joined = 0
        while self.waiting and len(self.running) < self.cluster.max_num_seqs:
            prompt, output, batch = self.waiting.popleft()
            self.admitted += 1  # settles ties
            heapq.heappush(self.running, (self.step + output - 1, self.admitted, batch))
            joined += prompt
        return joined

    def _end_rows(self) -> None:
        self.step = self.running[0][0]
        while self.running and self.running[0][0] == self.step:
            batch = heapq.heappop(self.running)[2]
            batch.left -= 1
            if not batch.left:
                del self.open[batch]

    def _die(self, rng: np.random.Generator) -> float:
        self.num_deaths += 1
        self.bound.extendleft(reversed(self.open))
        self.open.clear()
        self.waiting.clear()
        self.running.clear()
        return self.start(self.dies_at + self.cluster.restart_s, rng)


def _batches(requests: Requests, batch_size: int) -> deque[_Batch]:
    rows = list(zip(requests.prompt_tokens.tolist(), requests.output_tokens.tolist(), strict=True))
    return deque(_Batch(rows[start : start + batch_size]) for start in range(0, len(rows), batch_size))
