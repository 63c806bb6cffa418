"""TensorBoard shows each step once, a resumed run's too."""

from pathlib import Path
from typing import Any

import pytest

from z1ray.training.report.events import EVENTS, Events
from z1ray.training.report.metrics import read


def scalars(output: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard itself reads from a run's folder: steps and values by tag."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found: Any = EventAccumulator(str(output / EVENTS))
    found.Reload()
    return {tag: [(each.step, each.value) for each in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def test_every_figure_is_a_curve(tmp_path: Path) -> None:
    """Written out at once: a run killed after a step keeps it. What a step has no figure for has no curve."""
    Events(tmp_path, 0).add({"step": 1, "loss": 2.5, "grad_norm": 0.5, "num_tokens": 7, "mfu": 0.25})
    found = scalars(tmp_path)
    assert found == {"train/loss": [(1, 2.5)], "train/grad_norm": [(1, 0.5)], "train/mfu": [(1, 0.25)]}


def test_a_resumed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    """Steps after the checkpoint are done again: the curve may not double back."""
    first = Events(tmp_path, 0)
    for step in (1, 2, 3):
        first.add({"step": step, "loss": 3.0})
    second = Events(tmp_path, 2)
    for step in (3, 4):
        second.add({"step": step, "loss": 2.0})
    assert scalars(tmp_path)["train/loss"] == [(1, 3.0), (2, 3.0), (3, 2.0), (4, 2.0)]


@pytest.mark.ray
def test_a_real_run_has_its_curves(trained: Path) -> None:
    """Every step of a run on two workers, with the figures of its record."""
    rows, found = read(trained), scalars(trained)
    assert [step for step, _ in found["train/loss"]] == [row["step"] for row in rows]
    for name in ("loss", "learning_rate", "grad_norm", "tokens_per_second", "fill_ratio"):
        assert [value for _, value in found[f"train/{name}"]] == pytest.approx([row[name] for row in rows], rel=1e-6)
    assert "train/mfu" not in found
    assert [row["steps_left"] for row in rows] == list(range(len(rows)))[::-1]
