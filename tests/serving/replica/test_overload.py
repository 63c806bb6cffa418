"""Deadlines at more load than an engine can take: a simulated replica, with the real speed, deadlines and bounds."""

import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from tests.bench.arrivals import poisson
from z1ray.serving.replica.speed import Speed, Timing
from z1ray.serving.window.bounds import bound
from z1ray.serving.window.deadline import DeadlineImpossible, fit
from z1ray.serving.window.request import Prompts, WindowedModel, read_request
from z1ray.window import WindowConfig

SLOTS, HINT = 20, tuple(range(13))
CONFIG = WindowConfig(default_budget=768, answer_tokens=64)
MODEL = WindowedModel(CONFIG, {"code": HINT, "math": HINT}, context=4096, max_runs=1)
DEADLINE_S, SECONDS, TICK_S, CHUNK = 12.0, 120.0, 0.02, 16


@dataclass
class Sequence:
    """A request on its way."""

    due: float
    whole: bool
    share: float
    left: float = 0.0
    written: float = 0.0
    told: int = 0
    timing: Timing | None = None


@dataclass
class Replica:
    """An engine whose sequences are the slower the more there are, now and then for no reason; a queue before it."""

    seed: int
    now: float = 0.0
    running: list[Sequence] = field(default_factory=list)
    waiting: deque[Sequence] = field(default_factory=deque)
    in_time: int = 0
    late: int = 0
    refused: int = 0
    num_slots: int = SLOTS

    def __post_init__(self) -> None:
        self.speed = Speed(self, lambda: self.now)
        self.speed.add_tokens(10 * (0.005 + 0.0005 * 16), 10, 16)  # as it starts
        self._noise = random.Random(self.seed)

    @property
    def num_running(self) -> int:
        """Sequences that it works on."""
        return len(self.running)

    def token_s(self) -> float:
        """Seconds per token at present: a fifth of the time others have the machine."""
        return (0.005 + 0.0005 * len(self.running)) * self._noise.choice([0.8, 1.0, 1.0, 1.0, 1.4])

    def go_on(self, budget: int | None) -> None:
        """Those whose turn it is, with that budget, or with what their deadline leaves."""
        while self.waiting and len(self.running) < SLOTS:
            each = self.waiting.popleft()
            fields = {"deadline_s": DEADLINE_S} if budget is None else {"thinking_budget": budget}
            wanted = read_request(fields, MODEL, Prompts("prompt", num_tokens=200))
            if budget is None:
                pace = self.speed.pace(1)
                assert pace is not None
                try:
                    bounds = [fit(wanted, self.now - each.due, pace, 200, CONFIG.answer_tokens)]
                except DeadlineImpossible:
                    self.refused += 1
                    continue
                wanted = bound(wanted, bounds, CONFIG, None)
            assert wanted.window.max_tokens is not None
            each.left = each.share * wanted.window.max_tokens
            each.timing = Timing(self.speed, lambda: self.now, 200)
            self.running.append(each)

    def work(self) -> None:
        """One moment of the engine."""
        self.now += TICK_S
        num_tokens = TICK_S / self.token_s()
        for each in list(self.running):
            each.written += num_tokens
            each.left -= num_tokens
            assert each.timing is not None
            if not each.whole and int(each.written) - each.told >= (CHUNK if each.told else 1):
                each.timing.wrote(0, int(each.written) - each.told)
                each.told = int(each.written)
            if each.left <= 0 or self.now > each.due + DEADLINE_S:
                self.running.remove(each)
                self.in_time += self.now <= each.due + DEADLINE_S
                self.late += self.now > each.due + DEADLINE_S


def simulated(budget: int | None, overload: float, seed: int = 1) -> Replica:
    """A replica after two minutes of Poisson arrivals at a multiple of its capacity with the default budget."""
    rng, replica = random.Random(seed), Replica(seed)
    mean_tokens = 0.75 * (CONFIG.default_budget + len(HINT) + CONFIG.answer_tokens)
    rate = overload * SLOTS / (mean_tokens * (0.005 + 0.0005 * SLOTS))
    due = deque(poisson([[0]], round(SECONDS * rate), rate, seed).times)
    while due or replica.running or replica.waiting:
        while due and due[0] <= replica.now:
            replica.waiting.append(Sequence(due.popleft(), rng.random() < 0.5, rng.choice([0.5, 1.0])))
        gone = [each for each in replica.waiting if replica.now > each.due + DEADLINE_S]
        for each in gone:
            replica.waiting.remove(each)
            replica.late += 1
        replica.go_on(budget)
        replica.work()
    return replica


@pytest.mark.parametrize("overload", [1.5, 3.0])
def test_under_overload_answers_come_in_time_or_are_refused(overload: float) -> None:
    """With the default budget most are late; with a deadline each, hardly any is, and no fixed budget does better."""
    ours = simulated(None, overload)
    fixed = [simulated(budget, overload) for budget in (0, 128, 256, 384, 512, CONFIG.default_budget)]
    assert ours.late <= 0.01 * (ours.in_time + ours.late)
    assert ours.in_time >= 1.3 * fixed[-1].in_time
    assert ours.in_time >= 0.95 * max(each.in_time for each in fixed)
