"""The simulation behind ``make bench-scale`` agrees with what can be worked out by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.bench.simulation import Cluster, StepTimes, ideal_seconds, simulate
from tests.bench.workload import Requests, explained_share, longest_first, make_requests
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import batches_in_flight

TIMES = StepTimes(step_s=1.0, sequence_s=0.5, prompt_token_s=0.25)
ONE = Cluster(num_replicas=1, max_num_seqs=2, batch_size=1, batches_open=2, batches_bound=2)


def lengths(*output_tokens: int, prompt_tokens: int = 0) -> Requests:
    num = len(output_tokens)
    zeros = np.zeros(num, dtype=np.int64)
    return Requests(
        prompt_tokens=zeros + prompt_tokens,
        output_tokens=np.array(output_tokens),
        max_tokens=zeros + 100,
        label=zeros,
        question_length=zeros + 1,
    )


def test_one_request_alone():
    """The prompt's pass gives the first token, then each step one more at the price of a batch of one."""
    assert simulate(lengths(11, prompt_tokens=8), ONE, TIMES).makespan_s == 8 * 0.25 + 10 * 1.5


def test_steps_get_cheaper_as_sequences_end():
    """Two sequences share their steps; what is left of the longer one runs at the price of one."""
    assert simulate(lengths(5, 11), ONE, TIMES).makespan_s == 4 * 2.0 + 6 * 1.5


def test_next_row_takes_the_free_slot():
    """Continuous batching: the third row joins when the first has ended, not when both have."""
    assert simulate(lengths(3, 5, 3), ONE, TIMES).makespan_s == 4 * 2.0


def test_batch_returns_with_its_last_row():
    """A replica with room for one batch has a slot idle until the batch's long row has ended."""
    batches = replace(ONE, batch_size=2, batches_open=1, batches_bound=1)
    assert simulate(lengths(3, 11, 5, 5), batches, TIMES).makespan_s == (2 * 2.0 + 8 * 1.5) + 4 * 2.0


def test_bound_batches_stay_with_their_replica():
    """What a replica has taken early it keeps, although another is idle: taking less is faster."""
    requests = lengths(41, 3, 5, 3)
    pair = replace(ONE, num_replicas=2, max_num_seqs=1, batches_open=1)
    assert simulate(requests, pair, TIMES).makespan_s == (40 + 4) * 1.5
    assert simulate(requests, replace(pair, batches_bound=1), TIMES).makespan_s == 40 * 1.5


@pytest.mark.parametrize("replicas", [1, 7])
def test_no_run_beats_the_ideal(replicas):
    """The bound is a bound, in whatever order, and one full replica comes close to it."""
    requests = make_requests(500, seed=3)
    cluster = Cluster(num_replicas=replicas, max_num_seqs=8, batch_size=2, batches_open=8, batches_bound=8)
    for order in (requests, longest_first(requests)):
        outcome = simulate(order, cluster, TIMES)
        assert outcome.ideal_s == ideal_seconds(order, cluster, TIMES)
        assert 0.5 < outcome.efficiency <= 1
    assert simulate(longest_first(requests), replace(cluster, num_replicas=1), TIMES).efficiency > 0.95


def test_death_costs_the_work_in_hand():
    """A replica that dies does its unfinished rows again from the start, after the restart, and loses none."""
    requests = lengths(101)
    mortal = replace(ONE, lifetime_s=150.0, restart_s=1000.0)
    outcome = next(o for seed in range(20) if (o := simulate(requests, mortal, TIMES, seed)).num_deaths == 1)
    assert 1000 + 100 * 1.5 < outcome.makespan_s < 1000 + 2 * 100 * 1.5
    assert simulate(requests, replace(mortal, lifetime_s=math.inf), TIMES).makespan_s == 100 * 1.5


def test_many_deaths_lose_no_rows():
    """Through dozens of deaths every batch comes back, for ``simulate`` ends only when all have."""
    requests = make_requests(200, seed=0)
    cluster = Cluster(num_replicas=4, max_num_seqs=8, batch_size=4, batches_open=4, batches_bound=4)
    calm = simulate(requests, cluster, TIMES)
    deadly = simulate(requests, replace(cluster, lifetime_s=calm.makespan_s / 4, restart_s=5.0), TIMES)
    assert deadly.num_deaths > 10
    assert deadly.makespan_s > calm.makespan_s


def test_order_knows_only_part():
    """Lengths are heavy-tailed, mostly chance, and the order uses only what the table's order knows."""
    requests = make_requests(20_000, seed=0)
    assert 0.05 < explained_share(requests) < 0.5
    short = requests.output_tokens[requests.max_tokens == requests.max_tokens.min()]
    assert np.quantile(short, 0.999) > 5 * np.median(short)
    ordered = longest_first(requests)
    assert sorted(ordered.output_tokens) == sorted(requests.output_tokens)
    changed = replace(requests, output_tokens=requests.output_tokens[::-1].copy())
    assert (longest_first(changed).question_length == ordered.question_length).all()


@pytest.mark.parametrize("batch_size", [1, 4, 16, 32])
def test_batches_in_flight_keep_an_engine_full(batch_size):
    """With the pipeline's own number of batches a replica stays full although batches return with their last row."""
    flat = StepTimes(step_s=1.0, sequence_s=0.04, prompt_token_s=0.02)
    requests = longest_first(make_requests(2000, seed=0))
    number = batches_in_flight(EngineConfig(max_num_seqs=16), batch_size)
    fed = replace(ONE, max_num_seqs=16, batch_size=batch_size, batches_open=number, batches_bound=number)
    assert simulate(requests, fed, flat).efficiency > 0.97
    assert simulate(requests, replace(fed, batches_open=max(1, number // 3)), flat).efficiency < 0.95
