"""Several teachers: side by side as far as there is room, each exactly once, and one failure told at the end."""

import threading

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.trajectories.teachers import pipeline_needs, run_waves, waves


def gpus(number):
    return {"CPU": 1.0, "GPU": float(number)}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ([4], [["t0"]]),
        ([4, 4], [["t0", "t1"]]),
        ([8, 8], [["t0"], ["t1"]]),
        ([6, 4, 2], [["t0", "t2"], ["t1"]]),
        ([99, 2], [["t0"], ["t1"]]),  # a cluster that may grow
        ([2, 99, 2], [["t0", "t2"], ["t1"]]),
    ],
)
def test_waves_fill_the_cluster(wanted, expected):
    """First fit into 8 GPUs: as few waves as that gives, nobody left out."""
    needs = {f"t{i}": gpus(number) for i, number in enumerate(wanted)}
    assert waves(needs, {"CPU": 64.0, "GPU": 8.0}) == expected


def test_a_resource_the_cluster_lacks_is_no_room():
    """Two teachers that both wait for H100s must not share a wave on a cluster that has none yet."""
    needs = {name: {"CPU": 1.0, "accelerator_type:H100": 0.001} for name in ("a", "b")}
    assert waves(needs, {"CPU": 64.0}) == [["a"], ["b"]]


def test_a_pipeline_needs_its_engines_and_room_around_them():
    """Engines that take every CPU would starve the tasks that feed them."""
    engine = EngineConfig(replicas=3, tensor_parallel_size=2, resources={"accelerator_type:H100": 0.001})
    found = pipeline_needs(engine)
    assert found["GPU"] == 6
    assert found["CPU"] > 6
    assert found["accelerator_type:H100"] == pytest.approx(0.006)
    assert "GPU" not in pipeline_needs(EngineConfig(device="cpu"))


def test_a_wave_runs_side_by_side_and_waves_one_after_the_other():
    """Two of a wave meet at a barrier that one alone would never pass; the next wave begins after both."""
    barrier = threading.Barrier(2, timeout=20)
    ended: list[str] = []

    def work(teacher):
        if teacher != "c":
            barrier.wait()
        else:
            assert sorted(ended) == ["a", "b"]
        ended.append(teacher)

    run_waves([["a", "b"], ["c"]], work)
    assert sorted(ended) == ["a", "b", "c"]


def test_a_failure_lets_its_wave_finish_and_ends_the_run():
    """The other teacher's rows are wanted; a later wave would only delay the news."""
    failed = threading.Event()
    ended: list[str] = []

    def work(teacher):
        if teacher == "a":
            failed.set()
            raise OSError("no such model")
        assert failed.wait(20)
        ended.append(teacher)

    with pytest.raises(OSError, match="no such model"):
        run_waves([["a", "b"], ["c"]], work)
    assert ended == ["b"]
