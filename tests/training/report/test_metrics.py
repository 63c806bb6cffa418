"""The record of a run survives kills without losing or doubling a step, and tells who waits what is left."""

import time
from pathlib import Path

import pytest

from z1ray.training.report import metrics

NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC


def row(step: int, loss: float = 1.0) -> metrics.Metrics:
    figures = {"learning_rate": 1e-5, "grad_norm": 0.5, "num_tokens": 10, "tokens_per_second": 5.0, "seconds": 2.0}
    return {"step": step, "loss": loss} | figures


def test_a_resumed_run_continues_without_doubling_a_step(tmp_path: Path) -> None:
    """Steps after the checkpoint are done again; the curve must show the second time only."""
    first = metrics.MetricsLog(tmp_path, 0, 6)
    for step in (1, 2, 3):
        first.append(row(step, loss=3.0))
    second = metrics.MetricsLog(tmp_path, 2, 6)
    for step in (3, 4):
        second.append(row(step, loss=2.0))
    assert [(each["step"], each["loss"]) for each in metrics.read(tmp_path)] == [(1, 3.0), (2, 3.0), (3, 2.0), (4, 2.0)]
    assert metrics.num_resumes(tmp_path) == 1


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path: Path) -> None:
    """Half a line is no JSON: read as such, it would stop the resumed run for good."""
    metrics.MetricsLog(tmp_path, 0, 6).append(row(1))
    with (tmp_path / metrics.METRICS).open("a") as file:
        file.write('{"step": 2, "lo')
    (read,) = metrics.read(tmp_path)
    assert read.items() >= row(1).items()
    metrics.MetricsLog(tmp_path, 1, 6).append(row(2))
    assert [each["step"] for each in metrics.read(tmp_path)] == [1, 2]


def test_the_time_left_is_that_of_the_steps_since_the_start(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A resumed run's estimate may not count the steps of before as done in no time."""
    log = metrics.MetricsLog(tmp_path, 2, 6)
    time.sleep(0.25)
    log.append(row(3))
    (read,) = metrics.read(tmp_path)
    assert read["steps_left"] == 3
    assert 3 * 0.25 <= read["seconds_left"] < 3 * 5
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith(
        "z1ray | train step 3/6  loss 1.0000  lr 1.00e-05  grad norm 0.500  10 tokens  5 tok/s  2.0 s"
    )


def test_progress_line() -> None:
    """One line per step, for somebody who wonders whether to wait; shares only where they are known."""
    seen = row(2) | {"steps_left": 4, "seconds_left": 3725.4}
    assert metrics.progress_line(seen, NOW).endswith("5 tok/s  2.0 s  left 1:02:05 (until 11-14 23:15 UTC)")
    on_gpu = metrics.progress_line(seen | {"fill_ratio": 0.9876, "mfu": 0.4567}, NOW)
    assert "5 tok/s  fill 98.8 %  MFU 45.7 %  2.0 s" in on_gpu


def test_the_jobs_message_is_the_newest_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file's end, whole lines only, the last step included; nothing twice, nothing before a step."""
    told: list[str] = []
    monkeypatch.setattr(metrics, "tell_job", told.append)
    with metrics.tell_progress(tmp_path, every_s=0.02):
        time.sleep(0.1)
        log = metrics.MetricsLog(tmp_path, 0, 300)
        for step in range(1, 101):
            log.append(row(step))
        with (tmp_path / metrics.METRICS).open("a") as file:
            file.write('{"step": 101, "lo')
    assert told[-1].startswith("train step 100/300  loss 1.0000")
    assert len(told) == len({line.partition("(")[0] for line in told})
