"""A finished curation folder to train on, and settings that train on it in seconds."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from z1ray import artifacts, records
from z1ray.training.config import TrainConfig

WriteDataset = Callable[[Path, Sequence[records.Row]], Path]
MakeConfig = Callable[..., TrainConfig]


def example(number: int, *, text: str, kept: bool = True) -> records.Row:
    """An Example row as curation writes it."""
    problem_id = f"test/{number:03d}"
    empty: records.Row = dict.fromkeys(records.EXAMPLE.names)
    return empty | {
        "trajectory_id": records.trajectory_id(problem_id, "short", 0),
        "problem_id": problem_id,
        "mode": "short",
        "sample": 0,
        "question": f"Write a function that adds {number} to its argument.",
        "text": text,
        "kept": kept,
        "drop_reason": None if kept else "duplicate",
    }


def write_dataset(folder: Path, rows: Sequence[records.Row]) -> Path:
    """A curation folder as its stage leaves it, in two files."""
    artifacts.begin(folder, {"of": "a test"})
    half = len(rows) // 2
    for number, part in enumerate((rows[half:], rows[:half])):
        records.write_rows(part, folder / "data" / f"part-{number}.parquet", records.EXAMPLE)
    artifacts.finish(folder, time.time())
    return folder


def adder(number: int) -> str:
    """A response whose length differs from example to example."""
    comments = "".join(f"    # step {line} of {number}\n" for line in range(number % 4))
    return f"```python\ndef add(x):\n{comments}    return x + {number}\n```"


@pytest.fixture(scope="session")
def curated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """13 examples that fit, one that is too long, one that was dropped."""
    rows = [example(number, text=adder(number)) for number in range(13)]
    rows.append(example(13, text="x = 1\n" * 200))
    rows.append(example(14, text=adder(14), kept=False))
    return write_dataset(tmp_path_factory.mktemp("curated") / "dataset", rows)


@pytest.fixture(scope="session")
def make_config(curated: Path, tiny_model: Path) -> MakeConfig:
    """Settings for the tiny model on two CPU workers; keywords override."""

    def make(**overrides: Any) -> TrainConfig:
        settings: dict[str, Any] = {
            "dataset": str(curated),
            "model": str(tiny_model),
            "device": "cpu",
            "num_workers": 2,
            "precision": "float32",
            "num_epochs": 2,
            "learning_rate": 3e-3,
            "warmup_steps": 2,
            "global_batch_size": 4,
            "micro_batch_size": 1,
            "max_length": 200,
            "checkpoint_every": 2,
        }
        return TrainConfig(**(settings | overrides))

    return make
