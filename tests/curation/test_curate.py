"""The stage on a small folder of trajectories that holds one row for every reason to be dropped."""

import time
from dataclasses import replace
from typing import Any

import pytest

from z1ray import artifacts
from z1ray.curation.config import CurateConfig
from z1ray.curation.curate import curate
from z1ray.curation.tokens import load_tokenizer
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.records import EXAMPLE, PROBLEM, TRAJECTORY, Row, problem, read_rows, trajectory_id, write_rows
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig

pytestmark = pytest.mark.ray

HUMANEVAL = SourceConfig(kind="humaneval", limit=4)
DOUBLE = {"kind": "python", "cases": ["assert double(2) == 4", "assert double(5) == 10"]}
RIGHT = "<think>\nTwice the number.\n</think>\n```python\ndef double(x):\n    return 2 * x\n```"
LONG = "I start with the sum, since doubling is adding a number to itself. " * 6 + RIGHT.replace("2 * x", "x + x")

# (problem, mode, sample): text, changed columns, and what becomes of it
ROWS: dict[Any, Any] = {
    ("double", "short", 0): (RIGHT, {}, None),
    ("double", "long", 0): (LONG, {}, None),
    ("double", "short", 1): (RIGHT.replace("2 * x", "x"), {}, "tests_failed"),
    ("double", "short", 2): (RIGHT, {}, "duplicate"),
    ("double", "long", 1): ("```python\nwhile True: pass\n```", {}, "tests_failed"),
    ("double", "long", 2): ("```python\ndef double(", {"finish_reason": "length"}, "truncated"),
    ("double", "long", 3): ("<think>\n\n</think>", {}, "empty"),
    ("double", "long", 4): (None, {"finish_reason": "error", "error": "too long", "num_tokens": 0}, "failed"),
    ("copied", "short", 0): (RIGHT, {}, "contaminated"),
    ("open", "short", 0): ("It depends on whom you ask.", {}, "unverified"),
}


def name_of(key):
    return trajectory_id(f"mine/{key[0]}", key[1], key[2])


REASONS = {name_of(key): reason for key, (_, _, reason) in ROWS.items()}


def write_trajectories(folder, problems, rows):
    config = GenerateConfig(
        teachers={"t": TeacherConfig(model="m")},
        problems=[SourceConfig(kind="jsonl", path="x")],
        modes={"short": ModeConfig(), "long": ModeConfig()},
    )
    artifacts.begin(folder, config)
    write_rows(problems, folder / "problems.parquet", PROBLEM)
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        write_rows(part, folder / "data" / f"{number}.parquet", TRAJECTORY)
    artifacts.finish(folder, time.time())
    return str(folder)


def some_problems(*, tests=True):
    copied = load_problems([HUMANEVAL])[0]["question"]
    return [
        problem(problem_id="mine/double", source="mine", question="Double it.", tests=DOUBLE if tests else None),
        problem(problem_id="mine/copied", source="mine", question=f"Please: {copied}", tests=DOUBLE if tests else None),
        problem(problem_id="mine/open", source="mine", question="Who is right?"),
    ]


def some_rows():
    blank: Row = {**dict.fromkeys(TRAJECTORY.names), "num_tokens": 999, "finish_reason": "stop"}
    return [
        {
            **blank,
            "trajectory_id": name_of(key),
            "problem_id": f"mine/{key[0]}",
            "mode": key[1],
            "sample": key[2],
            "text": text,
            **changes,
        }
        for key, (text, changes, _) in ROWS.items()
    ]


@pytest.fixture
def config(tmp_path, smollm2, ray_cluster):
    return CurateConfig(
        trajectories=write_trajectories(tmp_path / "trajectories", some_problems(), some_rows()),
        tokenizer=str(smollm2),
        keep="verified",
        benchmarks=[HUMANEVAL],
        parallelism=2,
        sandbox=SandboxConfig(timeout_s=3),
    )


def examples_of(output):
    return {row["trajectory_id"]: row for row in read_rows(output / "data" / "examples.parquet")}


def test_every_row_comes_out_once_with_its_reason(config, tmp_path):
    """A row lost or doubled in silence would change the training set without a trace."""
    output = tmp_path / "dataset"
    manifest = curate(config, output)
    rows = read_rows(output / "data")
    assert sorted(row["trajectory_id"] for row in rows) == sorted(REASONS)
    assert {row["trajectory_id"]: row["drop_reason"] for row in rows} == REASONS
    assert all(row["kept"] == (row["drop_reason"] is None) for row in rows)
    assert list(rows[0]) == EXAMPLE.names
    assert (manifest["num_rows"], manifest["num_kept"]) == (10, 2)
    assert manifest["dropped"]["tests_failed"] == 2
    assert manifest["verified"] == {"passed": 3, "failed": 2, "not_run": 5}
    assert manifest["verdicts"] == {"passed": 3, "failed": 1, "timeout": 1, "no_tests": 1}
    assert manifest["sandbox"] == ["bubblewrap"]


def test_facts_are_recorded(config, tmp_path):
    """The columns say what was found, so that a user can judge each decision."""
    curate(config, tmp_path / "dataset")
    rows = examples_of(tmp_path / "dataset")
    kept = rows[name_of(("double", "short", 0))]
    assert kept["text"] == "Twice the number.\n```python\ndef double(x):\n    return 2 * x\n```"
    assert kept["question"] == "Double it."
    assert (kept["verified"], kept["verdict"]) == (True, "passed")
    encoded = load_tokenizer(config.tokenizer).encode(kept["text"], add_special_tokens=False)
    assert kept["num_tokens"] == len(encoded.ids)
    assert rows[name_of(("double", "short", 2))]["duplicate_of"] == kept["trajectory_id"]
    assert rows[name_of(("copied", "short", 0))]["contaminated_by"].startswith("humaneval/")
    assert rows[name_of(("double", "long", 4))]["num_tokens"] == 0
    assert rows[name_of(("double", "long", 1))]["verdict"] == "timeout"


def test_keep_any_records_verdicts_and_keeps_the_rest(config, tmp_path):
    """The paper does not filter by tests, but a user wants to know."""
    loose = replace(config, keep="any", keep_truncated=True, benchmarks=[], token_budget=10_000)
    manifest = curate(loose, tmp_path / "dataset")
    rows = examples_of(tmp_path / "dataset")
    assert {row["drop_reason"] for row in rows.values()} == {None, "empty", "failed", "duplicate"}
    assert rows[name_of(("open", "short", 0))]["kept"]
    assert rows[name_of(("open", "short", 0))]["verdict"] == "no_tests"
    assert manifest["dropped"] == {"duplicate": 2, "empty": 1, "failed": 1}


def test_token_budget_selects(config, tmp_path):
    """What is over the budget says so, and a finished folder is not done again."""
    tight = replace(config, token_budget=50, selection="shortest")
    manifest = curate(tight, tmp_path / "dataset")
    rows = examples_of(tmp_path / "dataset")
    assert rows[name_of(("double", "long", 0))]["drop_reason"] == "over_token_budget"
    assert manifest["num_kept"] == 1
    assert 0 < manifest["num_tokens"] <= 50
    assert curate(tight, tmp_path / "dataset") == manifest


def test_nothing_left_is_an_error_that_loses_nothing(config, tmp_path):
    """Training on nothing would fail later and less clearly; the reasons are written first."""
    output = tmp_path / "dataset"
    with pytest.raises(UserError, match=r"over_token_budget 2") as caught:
        curate(replace(config, token_budget=1), output)
    assert "tests_failed 2" in str(caught.value)
    assert "--force" in caught.value.remedy
    assert set(examples_of(output)) == set(REASONS)
    assert not (output / artifacts.MANIFEST).exists()
    assert curate(config, output, force=True)["num_kept"] == 2


def test_verified_without_tests_is_refused(config, tmp_path):
    """Nothing could be kept; the user hears of it before anything runs."""
    source = write_trajectories(tmp_path / "untested", some_problems(tests=False), some_rows())
    with pytest.raises(UserError, match=r"none of the 3 problems"):
        curate(replace(config, trajectories=source), tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_missing_inputs_are_refused(config, tmp_path):
    """Each by its field, before the output folder is begun."""
    with pytest.raises(UserError, match=r"curate\.tokenizer"):
        curate(replace(config, tokenizer=str(tmp_path / "none")), tmp_path / "dataset")
    with pytest.raises(UserError, match="no finished stage"):
        curate(replace(config, trajectories=str(tmp_path / "none")), tmp_path / "dataset")
    with pytest.raises(UserError, match=r"curate\.tokenizer = 'nobody/none'"):
        curate(replace(config, tokenizer="nobody/none"), tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()
