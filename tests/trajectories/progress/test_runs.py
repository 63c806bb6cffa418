"""What a folder cost is the sum over all runs, those that were killed included."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.trajectories.progress.runs import EngineTime, RunRecord, read_runs, record_run

FOUR_GPUS = EngineConfig(replicas=2, tensor_parallel_size=2)

KILLED = """
import sys, time
from pathlib import Path
from z1ray.engine.config import EngineConfig
from z1ray.trajectories.progress.runs import record_run
with record_run(Path(sys.argv[1]), 0, every_s=0.05) as run, run.engines("t", EngineConfig(replicas=3)):
    print("up", flush=True)
    time.sleep(60)
"""


def test_cost_of_a_run_is_engines_times_time() -> None:
    """GPU-seconds count every GPU of an engine; engines on CPU have none."""
    gpu = EngineTime(teacher="a", num_engines=2, gpus_per_engine=4, began=100.0, ended=110.0)
    cpu = EngineTime(teacher="b", num_engines=3, gpus_per_engine=0, began=110.0)
    run = RunRecord(started=90.0, last_seen=115.0, num_done_at_start=0, engines=[gpu, cpu])
    assert run.gpu_seconds == 2 * 4 * 10
    assert run.engine_seconds == 2 * 10 + 3 * 5


def test_runs_are_kept_one_by_one(tmp_path: Path) -> None:
    """A teacher after the other, a resumed run after the first: nothing is overwritten."""
    with record_run(tmp_path, 0) as run:
        with run.engines("qwq", FOUR_GPUS):
            time.sleep(0.2)
        time.sleep(0.2)
    with record_run(tmp_path, 7) as run, run.engines("tiny", EngineConfig(device="cpu")):
        time.sleep(0.1)
    first, second = read_runs(tmp_path)
    assert (first.ended, first.num_done_at_start, second.num_done_at_start) == (True, 0, 7)
    assert [each.teacher for run in (first, second) for each in run.engines] == ["qwq", "tiny"]
    assert 4 * 0.2 <= first.gpu_seconds < 4 * 0.4
    assert first.engine_seconds == pytest.approx(first.gpu_seconds / 2)
    assert second.gpu_seconds == 0
    assert second.engine_seconds >= 0.1
    assert first.last_seen - first.started >= 0.4


def test_a_failed_run_counts_too(tmp_path: Path) -> None:
    """Its engines ran, and its own error comes through."""
    with (
        pytest.raises(ValueError, match="lost"),
        record_run(tmp_path, 0) as run,
        run.engines("qwq", FOUR_GPUS),
    ):
        raise ValueError("lost")
    (failed,) = read_runs(tmp_path)
    assert failed.ended
    assert failed.engines[0].ended is not None


def test_a_killed_run_counts_until_it_was_last_seen(tmp_path: Path) -> None:
    """Nobody writes an end for it; the time it used GPUs is not free for that."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    time.sleep(1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (killed,) = read_runs(tmp_path)
    assert not killed.ended
    assert killed.engines[0].ended is None
    assert 3 * 0.7 < killed.gpu_seconds < 3 * 5


def test_a_disk_that_fills_up_does_not_end_the_run(tmp_path: Path) -> None:
    """The record is a side-show: what the rows' own writer says of the disk is what counts."""
    with record_run(tmp_path, 0, every_s=0.02):
        folder = (tmp_path / "runs").rename(tmp_path / "gone")
        time.sleep(0.2)
    assert json.loads((folder / "0001.json").read_text())["ended"] is False


def test_a_target_that_cannot_be_written_is_told_at_once() -> None:
    """Before any engine is started."""
    with pytest.raises(FileNotFoundError, match="/proc/runs"), record_run(Path("/proc"), 0):
        pytest.fail("it began")
