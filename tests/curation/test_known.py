"""Verdicts taken over from another dataset of the same trajectories."""

import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.curation.test_choose import TABLE, rows
from z1ray import artifacts
from z1ray.curation import known
from z1ray.curation.config import CurateConfig
from z1ray.curation.layout import Layout
from z1ray.curation.rows import NOT_PASSED, PASSED
from z1ray.curation.store import id_hashes
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.records import EXAMPLE, write_rows

NAMES = [f"row-{number}" for number in range(len(TABLE))]
# Rows that the other dataset has a verdict of, in another order than here; its last check failed to run.
KNOWN = {"row-9": True, "row-2": False, "row-5": True, "row-0": None}


@pytest.fixture
def config(tmp_path: Path) -> CurateConfig:
    """Settings that name a finished dataset."""
    made = CurateConfig(trajectories=str(tmp_path / "trajectories"), tokenizer="t")
    artifacts.begin(tmp_path / "trajectories", {})
    artifacts.finish(tmp_path / "trajectories", time.time())
    dataset = tmp_path / "dataset"
    artifacts.begin(dataset, made, {"curate.trajectories": Path(made.trajectories)})
    blank: dict[str, Any] = {
        **dict.fromkeys(EXAMPLE.names),
        **{"problem_id": "p", "mode": "short", "sample": 0, "num_tokens": 1, "kept": True, "question": "q"},
    }
    write_rows(
        [
            {**blank, "trajectory_id": name, "verified": passed, "verdict": "passed" if passed else "failed"}
            for name, passed in KNOWN.items()
        ],
        dataset / "data" / "train-0.parquet",
        EXAMPLE,
    )
    artifacts.finish(dataset, time.time(), sandbox=["bubblewrap"])
    return replace(made, verdicts=str(dataset))


def take_over(folder: Path, config: CurateConfig, checked: list[int]) -> list[int]:
    found = rows(TABLE)
    found.random = id_hashes(NAMES)
    shared: Any = SimpleNamespace(layout=Layout(folder / "variant"), config=config)
    return sorted(known.take_over(found, np.array(checked, dtype=np.int64), shared).tolist())


def test_only_what_is_asked_and_known_is_taken_over(tmp_path, config):
    """By id, whatever the order; a check that failed to run is run again."""
    assert take_over(tmp_path, config, [0, 2, 3, 9]) == [2, 9]
    table = pq.read_table(tmp_path / "variant" / "work" / "verdicts" / "known.parquet")
    by_row = {row["row"]: (row["verified"], row["verdict"]) for row in table.to_pylist()}
    assert by_row == {2: (NOT_PASSED, "failed"), 9: (PASSED, "passed")}


def test_nothing_is_known_without_another_dataset(tmp_path, config):
    assert take_over(tmp_path, replace(config, verdicts=None), [0, 2]) == []


def test_a_run_that_goes_on_takes_over_what_it_did_before(tmp_path, config):
    """It has run the rest since: a verdict must not be there twice."""
    assert take_over(tmp_path, replace(config, verdicts=None), [0, 2]) == []
    assert take_over(tmp_path, config, [0, 2]) == []


def test_nothing_to_check(tmp_path, config):
    assert take_over(tmp_path, config, []) == []


def test_verdicts_of_other_trajectories_or_limits_are_refused(tmp_path, config):
    """A row's id may stand for another text there, and a longer time for another verdict."""
    known.require_same(config)
    assert known.sandboxes(config) == {"bubblewrap"}
    with pytest.raises(UserError, match="other limits"):
        known.require_same(replace(config, sandbox=SandboxConfig(timeout_s=99)))
    (tmp_path / "trajectories" / "manifest.json").write_text("{}")
    with pytest.raises(UserError, match="not made from"):
        known.require_same(config)
