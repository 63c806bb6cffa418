"""Pending tokens and slots as the measure of load: decisions, and whole hours of traffic in simulation."""

import random
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pytest

from tests.serving.fleet import SLOTS, START_S, TOKENS_PER_S, Fleet, Job, Outcome, Policy
from z1ray.engine.config import EngineConfig
from z1ray.serving.config import ServeConfig
from z1ray.serving.replica.autoscaling import ONGOING_STAT, PENDING_STAT, PendingTokensPolicy
from z1ray.serving.replica.deployment import llm_settings
from z1ray.window import NO_CAP, WindowConfig

SHIPPED = ServeConfig(models={"z1": "folder"})
USUAL = 1024
BOUNDS = {"min_replicas": 1, "max_replicas": 8, "upscale_delay_s": SHIPPED.upscale_delay_s, "downscale_delay_s": 120}
LOAD_ENDS_S = 1830
ENDS_S = 3600


def policy(usual: int = USUAL, slots: int = SLOTS, queue: int = 256) -> PendingTokensPolicy:
    return PendingTokensPolicy(
        tokens_per_replica=slots * usual, tokens_per_request=usual, max_num_seqs=slots, max_queued_requests=queue
    )


def jobs_between(rng: random.Random, first: int, last: int, per_s: float, budget: Callable[[], int]) -> list[Job]:
    """Poisson arrivals; seven in ten are cut at their budget, the others end somewhere before."""
    jobs, now = [], first + rng.expovariate(per_s)
    while now < last:
        most = budget()
        thinking = most if rng.random() < 0.7 else int(most * rng.random())
        jobs.append(Job(int(now), most, thinking, rng.randint(20, 200)))
        now += rng.expovariate(per_s)
    return jobs


def heavy_tailed(rng: random.Random) -> list[Job]:
    """Half an hour in which most think little and a few up to a hundred times as much."""
    return jobs_between(rng, 30, LOAD_ENDS_S, 1.2, lambda: min(8192, int(64 * rng.paretovariate(0.7))))


def mixed(rng: random.Random) -> list[Job]:
    """Short and long ones: a steady stream of each, bursts of short ones, waves of long ones."""
    jobs = jobs_between(rng, 30, LOAD_ENDS_S, 2.0, lambda: rng.randint(32, 128))
    jobs += jobs_between(rng, 30, LOAD_ENDS_S, 0.12, lambda: rng.randint(4096, 8192))
    for start in range(100, 1800, 200):
        jobs += jobs_between(rng, start, start + 20, 15, lambda: rng.randint(32, 128))
    for start in (200, 700, 1200):
        jobs += jobs_between(rng, start, start + 120, 0.5, lambda: rng.randint(4096, 8192))
    return jobs


def served_by(policy: Policy, jobs: list[Job], monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Outcome:
    return Fleet(policy, monkeypatch, **{**BOUNDS, **settings}).run(jobs, ENDS_S)


@pytest.mark.parametrize("seed", range(3))
def test_queues_stay_short_and_all_replicas_go_home(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heavy-tailed budgets: nobody waits much longer than a new replica needs to start, and none stays for nothing."""
    outcome = served_by(policy(), heavy_tailed(random.Random(seed)), monkeypatch)
    assert outcome.wait_at(0.95) <= START_S / 4
    assert max(outcome.waits) <= START_S + BOUNDS["upscale_delay_s"]
    assert max(outcome.targets) > 2
    assert outcome.targets[LOAD_ENDS_S + 300 :] == [1] * (ENDS_S - LOAD_ENDS_S - 300)


def test_it_beats_counting_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bursts of short requests and waves of long ones look the same to Ray's own policy.

    At the engine's own number of slots it costs more and waits longer; at no other target does it do both better.
    """
    from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy as counting

    ours = served_by(policy(), mixed(random.Random(0)), monkeypatch)
    for target in (4, 6, 8, 10, 12, SLOTS, 20):
        theirs = served_by(counting, mixed(random.Random(0)), monkeypatch, target_ongoing_requests=target)
        if target >= 10:
            assert ours.replica_seconds < theirs.replica_seconds
            assert ours.mean_wait < theirs.mean_wait
            assert ours.wait_at(0.95) < theirs.wait_at(0.95)
        assert ours.replica_seconds < theirs.replica_seconds or ours.mean_wait < theirs.mean_wait


@pytest.mark.parametrize("seed", range(6))
def test_a_steady_load_does_not_make_it_flap(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes up, and down when the load has ended: a replica stopped in between would have to start again."""
    rng = random.Random(seed)
    jobs = jobs_between(rng, 0, LOAD_ENDS_S, 0.25, lambda: rng.randint(2048, 4096))
    steps = served_by(policy(), jobs, monkeypatch, downscale_delay_s=SHIPPED.downscale_delay_s).changes()
    assert sum(a * b < 0 for a, b in pairwise(steps)) == 1, steps


@pytest.mark.parametrize(
    ("pending", "sequences", "current", "wanted"),
    [
        (0, 0, 1, 0),  # Ray's bounds make that the least there may be
        (16384, 16, 1, 1),
        (16385, 17, 1, 2),
        (100_000, 40, 2, 7),
        (16000, 16, 2, 2),  # one replica would be all but full: no use in stopping the other
        (13000, 13, 2, 1),
        (0, 40, 4, 3),  # all but done, but they hold 40 slots
        (0, 900, 4, 54),  # and call for as many more
        (0, 33, 2, 2),  # one that waits for a moment is worth no replica
    ],
)
def test_decisions(pending: float, sequences: float, current: int, wanted: int) -> None:
    """Up as soon as it overflows, down only with room to spare and never below what is busy."""
    assert policy().replicas(pending, sequences, current) == wanted


def shown(queued: int, current: int, raw_metrics: Any = MappingProxyType({})) -> Any:
    """What a policy is shown of replicas, which have reported nothing unless it is given."""
    return SimpleNamespace(
        raw_metrics=raw_metrics, total_queued_requests=queued, target_num_replicas=current, current_num_replicas=current
    )


def wanted(pending: list[float], ongoing: list[float], queued: int) -> int:
    """The replicas called for when one replica has reported these, oldest first."""
    reports = {
        stat: {"replica": [SimpleNamespace(value=value) for value in values]}
        for stat, values in ((PENDING_STAT, pending), (ONGOING_STAT, ongoing))
    }
    return policy()(shown(queued, current=2, raw_metrics=reports))[0]


def test_the_newest_report_counts() -> None:
    """The oldest would have the fleet follow the load of half a minute ago."""
    full, empty = 4.0 * SLOTS * USUAL, 0.0
    assert wanted([empty, full], [0, SLOTS], queued=0) == 4
    assert wanted([full, empty], [SLOTS, 0], queued=0) == 0
    # Requests that have done their thinking hold their slots.
    assert wanted([empty, empty], [0, 2 * SLOTS], queued=0) == 2
    assert wanted([empty, empty], [2 * SLOTS, 0], queued=0) == 0


def test_queued_requests_weigh_as_much_as_a_usual_one() -> None:
    """They owe nothing to any replica yet: without a weight a full queue would start none."""
    assert wanted([0.0], [0], queued=3 * SLOTS) == 3
    assert wanted([SLOTS * USUAL], [SLOTS], queued=SLOTS + 1) == 3


def test_queued_requests_hold_a_slot_before_a_replica_goes() -> None:
    """Requests of no thinking are few tokens and many answers."""
    light = PendingTokensPolicy(
        tokens_per_replica=SLOTS * USUAL, tokens_per_request=1, max_num_seqs=SLOTS, max_queued_requests=256
    )
    assert light(shown(SLOTS + 1, current=3))[0] == 2


def test_a_full_queue_doubles_what_is_up() -> None:
    """It says nothing of how much it refuses: by its own length a fleet of one would grow one by one."""
    assert wanted([0.0], [40], queued=127) == 10
    assert wanted([0.0], [40], queued=128) == 2 * 2 + 8
    assert policy(slots=256)(shown(200, current=2))[0] == 1, "those that are up take all of it"


Z1_SLOTS, Z1_QUEUE, Z1_USUAL = 256, 256, 4096 + 1024
Draw = Callable[[random.Random], int]


def short(rng: random.Random) -> int:
    """Tokens of an answer."""
    return rng.randint(20, 500)


LOADS: dict[str, tuple[int, int, Draw, Draw, int]] = {
    # Replicas needed, the second in which it ends, budgets, answers, and the tokens of a usual request.
    "seven": (7, 1800, lambda rng: 4096, short, Z1_USUAL),
    "thirty": (30, 1200, lambda rng: 4096, short, Z1_USUAL),
    "answers only": (7, 1500, lambda rng: 0, lambda rng: 1024, 1024),
    "heavy-tailed": (7, 1800, lambda rng: min(8192, int(256 * rng.paretovariate(0.9))), short, Z1_USUAL),
}


def steady(num_replicas: int, last: int, budget: Draw, answer: Draw) -> list[Job]:
    """A load that keeps so many replicas of z1-7b's size busy for 95 % of their slots; always the same one."""
    rng = random.Random(num_replicas)
    # Seven in ten think all of their budget, the others half of it on average.
    seconds = sum(0.85 * budget(rng) + answer(rng) for _ in range(20_000)) / 20_000 / TOKENS_PER_S
    jobs = jobs_between(rng, 30, last, 0.95 * num_replicas * Z1_SLOTS / seconds, lambda: budget(rng))
    for job in jobs:
        job.answer, job.answer_limit = answer(rng), 1024
    return jobs


@pytest.mark.parametrize("load", LOADS)
def test_no_more_is_refused_than_by_counting_requests_and_little_is_paid_for(
    load: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Z1-7b's sizes with its bounded queue: a policy that heeds the queue's length alone stalls and refuses on."""
    from ray.serve.autoscaling_policy import replica_queue_length_autoscaling_policy as counting

    num_needed, last, budget, answer, usual = LOADS[load]
    sizes: dict[str, Any] = {**BOUNDS, "max_replicas": 64, "slots": Z1_SLOTS, "queue": Z1_QUEUE}
    outcomes = []
    for each, more in ((policy(usual, Z1_SLOTS, Z1_QUEUE), {}), (counting, {"target_ongoing_requests": Z1_SLOTS})):
        jobs = steady(num_needed, last, budget, answer)
        outcomes.append(Fleet(each, monkeypatch, **sizes, **more).run(jobs, last + 600))
    ours, theirs = outcomes
    assert ours.refused_share <= theirs.refused_share
    assert ours.replica_seconds <= 1.15 * num_needed * (last - 30)


def test_ray_runs_it_where_z1ray_is_not_installed() -> None:
    """The controller of a cluster need not have z1ray: a policy that imported it would stop all scaling."""
    from ray.serve.config import AutoscalingPolicy

    kwargs = {"tokens_per_replica": 100, "tokens_per_request": 10, "max_num_seqs": 4, "max_queued_requests": 9}
    made = AutoscalingPolicy(
        policy_function="z1ray.serving.replica.autoscaling:PendingTokensPolicy", policy_kwargs=kwargs
    )
    program = f"""
import sys
sys.modules["z1ray"] = None
from ray import cloudpickle
policy = cloudpickle.loads({made.get_serialized_policy_def()!r})(**{kwargs!r})
print(policy.replicas(250, 3, 1))
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")
    assert ran.stdout == "3\n", ran.stderr


@pytest.mark.parametrize(
    ("settings", "per_request", "per_replica"),
    [
        ({"default_budget": 512, "answer_tokens": 100}, 612, 16 * 612),
        ({"default_budget": NO_CAP}, 2048, 16 * 2048),  # the context is the only limit
        ({"default_budget": 0, "answer_tokens": 100}, 100, 1600),
    ],
)
def test_a_replica_is_to_owe_what_its_engine_can_decode_at_once(
    settings: dict[str, int], per_request: int, per_replica: int
) -> None:
    """Operators who set nothing still get a target that fits their model."""
    engine = EngineConfig(device="cpu", max_model_len=2048, max_num_seqs=16)
    config = ServeConfig(models={"z1": "folder"}, max_replicas=3, window=WindowConfig(**settings), engine=engine)  # type: ignore[arg-type]
    scaling = llm_settings("z1", "folder", config, {})["deployment_config"]["autoscaling_config"]
    kwargs = scaling["policy"]["policy_kwargs"]
    assert (kwargs["tokens_per_request"], kwargs["tokens_per_replica"]) == (per_request, per_replica)
    assert (kwargs["max_num_seqs"], kwargs["max_queued_requests"]) == (16, config.max_queued_requests)
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (1, 3)
