"""The record of a run survives kills without losing or doubling a step."""

from pathlib import Path

import pytest

from z1ray.training import metrics


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
    assert metrics.read(tmp_path) == [row(1)]
    metrics.MetricsLog(tmp_path, 1, 6).append(row(2))
    assert [each["step"] for each in metrics.read(tmp_path)] == [1, 2]


def test_progress_tells_what_is_left(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line per step, for somebody who wonders whether to wait."""
    metrics.MetricsLog(tmp_path, 0, 6).append(row(1))
    (line,) = capfd.readouterr().out.splitlines()
    assert line.startswith(
        "z1ray | train step 1/6  loss 1.0000  lr 1.00e-05  grad norm 0.500  10 tokens  5 tok/s  2.0 s  left "
    )
    assert metrics.progress_line(row(2), 6, 3725.4).endswith("left 1:02:05")
