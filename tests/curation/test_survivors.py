"""Which row stays of those that repeat each other."""

from dataclasses import replace

import pytest

from tests.curation.made import DOUBLE, LONG, RIGHT, examples_of, some_problems, some_rows, write_trajectories
from z1ray.curation.curate import curate
from z1ray.errors import UserError
from z1ray.records import problem, trajectory_id

pytestmark = pytest.mark.ray


def test_repeated_questions_are_dropped_or_merged(config, tmp_path):
    """Of problems that ask the same, each mode keeps the one with the best row; merged, only equal answers go."""
    texts = {"a": "The first answer.", "b": "A longer second answer to it.", "c": "the first answer"}
    questions = {"a": "How much is it?", "b": "how much is it", "c": "HOW MUCH IS IT?!"}
    problems = [problem(problem_id=name, source="mine", question=text) for name, text in questions.items()]
    blank = some_rows()[0]
    rows = [
        {**blank, "trajectory_id": trajectory_id(name, "short", 0), "problem_id": name, "text": text}
        for name, text in texts.items()
    ]
    rows.append({**rows[0], "trajectory_id": trajectory_id("a", "long", 0), "mode": "long", "text": "Other words."})
    source = write_trajectories(tmp_path / "same", problems, rows)
    settings = replace(config, trajectories=source, keep="any", benchmarks=[])
    curate(settings, tmp_path / "dropped")
    found = {name: row["drop_reason"] for name, row in examples_of(tmp_path / "dropped").items()}
    assert found == {
        "a#short#0": "duplicate_question",
        "b#short#0": None,
        "c#short#0": "duplicate_question",
        "a#long#0": None,
    }
    assert examples_of(tmp_path / "dropped")["a#short#0"]["duplicate_of"] == "b#short#0"
    curate(replace(settings, duplicate_questions="merge"), tmp_path / "merged")
    merged = examples_of(tmp_path / "merged")
    assert [name for name, row in sorted(merged.items()) if not row["kept"]] == ["c#short#0"]
    assert merged["c#short#0"]["duplicate_of"] == "a#short#0"


def test_of_equal_responses_the_verified_one_stays(config, tmp_path):
    """Verified first, then the longest, then by id."""
    other = {**DOUBLE, "cases": ["assert double(2) == 5"]}
    problems = [
        problem(problem_id="mine/a", source="mine", question="Double it.", tests=other),
        problem(problem_id="mine/b", source="mine", question="double it", tests=DOUBLE),
    ]
    blank = some_rows()[0]
    rows = [
        {**blank, "trajectory_id": trajectory_id(name, "short", 0), "problem_id": name, "text": text}
        for name, text in (("mine/a", LONG), ("mine/b", RIGHT))
    ]
    source = write_trajectories(tmp_path / "same", problems, rows)
    curate(replace(config, trajectories=source, keep="any", benchmarks=[]), tmp_path / "dataset")
    found = examples_of(tmp_path / "dataset")
    assert found["mine/b#short#0"]["kept"]
    assert found["mine/a#short#0"]["duplicate_of"] == "mine/b#short#0"


def test_two_rows_of_one_id_are_refused(config, tmp_path):
    """Nobody could say which of the two was meant."""
    source = write_trajectories(tmp_path / "twice", some_problems(), [*some_rows(), some_rows()[0]])
    with pytest.raises(UserError, match="two rows have this id"):
        curate(replace(config, trajectories=source), tmp_path / "dataset")
