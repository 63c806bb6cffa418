"""The model of step time on many GPUs keeps to what can be worked out by hand."""

from dataclasses import replace

import pytest

from z1ray.training.plan.scaling import HGX_H100, Links, Load, efficiency, ring_seconds, step_seconds

LINKS = Links(gpus_per_node=8, intra_bandwidth=100.0, inter_bandwidth=10.0, intra_latency=0.0, inter_latency=0.0)
LOAD = Load(num_micro_batches=2, compute_seconds=3.0, gathered_bytes=80.0, reduced_bytes=160.0, num_collectives=4)


def test_a_gather_by_hand() -> None:
    """Within a node each of 8 receives 7/8 of the bytes; over 4 nodes each node 3/4, through 8 adapters."""
    assert ring_seconds(800.0, 1, LINKS) == 0.0
    assert ring_seconds(800.0, 8, LINKS) == pytest.approx(700 / 100)
    assert ring_seconds(800.0, 32, replace(LINKS, inter_bandwidth=5.0)) == pytest.approx(600 / 40)
    assert ring_seconds(800.0, 32, LINKS) == pytest.approx(775 / 100)  # Inside the nodes it takes longer.


def test_latency_counts_hops_and_parts() -> None:
    """16 workers on 2 nodes: 14 hops inside, one between, for every part."""
    slow = replace(LINKS, intra_latency=0.1, inter_latency=1.0)
    extra = ring_seconds(800.0, 16, slow, 3) - ring_seconds(800.0, 16, LINKS, 3)
    assert extra == pytest.approx(3 * (14 * 0.1 + 1.0))


def test_without_overlap_times_add_up() -> None:
    """Two gathers and a reduction of seven eighths at 100 bytes per second, on top of arithmetic."""
    plain = replace(LOAD, overlap=False, update_seconds=8.0)
    assert step_seconds(plain, 8, LINKS) == pytest.approx(2 * (3.0 + 2 * 0.7 + 1.4) + 1.0)
    assert step_seconds(plain, 1, LINKS) == pytest.approx(2 * 3.0 + 8.0)


def test_overlap_hides_what_computation_covers() -> None:
    """Communication of 2.8 s beside 3 s of arithmetic costs only the ends; slower links decide by themselves."""
    assert step_seconds(LOAD, 8, LINKS) == pytest.approx(2 * (3.0 + 2.1 / 4))
    slow = replace(LINKS, intra_bandwidth=10.0)
    assert step_seconds(LOAD, 8, slow) == pytest.approx(2 * (28.0 + 21.0 / 4))


def test_efficiency_falls_with_nodes_and_rises_with_work() -> None:
    """More nodes wait longer; longer rows for the same bytes wait less."""
    load = replace(LOAD, gathered_bytes=15e9, reduced_bytes=30e9, num_collectives=28, compute_seconds=2.0)
    falling = [efficiency(load, number, HGX_H100) for number in (8, 16, 64, 512)]
    assert falling == sorted(falling, reverse=True)
    assert efficiency(replace(load, compute_seconds=8.0), 512, HGX_H100) > falling[-1]
    assert 0 < falling[-1] < falling[0] <= 1
