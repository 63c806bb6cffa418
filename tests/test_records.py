"""Rows fit their contracts or are refused by name."""

import pyarrow as pa
import pytest

from z1ray.errors import UserError
from z1ray.records import PROBLEM, problem, read_rows, request_seed, trajectory_id, write_rows


@pytest.mark.parametrize("question", ["", "   \n"])
def test_a_problem_without_a_question_is_refused(question):
    """The id says which row to correct."""
    with pytest.raises(UserError, match=r"x/1.*question"):
        problem(problem_id="x/1", source="x", question=question)


def test_problem_survives_parquet(tmp_path):
    """What a source gives is what generation and grading read."""
    row = problem(
        problem_id="x/1",
        source="x",
        question="q",
        difficulty="hard",
        tests={"kind": "python", "cases": ["assert f() == 1"]},
        entry_point="f",
        metadata={"b": 1},
    )
    write_rows([row], tmp_path / "p.parquet", PROBLEM)
    assert read_rows(tmp_path / "p.parquet") == [row]


def test_unknown_difficulty_is_refused():
    """Filters compare these words."""
    with pytest.raises(UserError, match="difficulty"):
        problem(problem_id="x/1", source="x", question="q", difficulty="Easy")


def test_a_row_that_does_not_fit_leaves_no_file(tmp_path):
    """A file is whole or not there."""
    with pytest.raises((pa.ArrowInvalid, pa.ArrowTypeError)):
        write_rows([{"problem_id": 3, "question": "q", "source": "x"}], tmp_path / "p.parquet", PROBLEM)
    assert not (tmp_path / "p.parquet").exists()


def test_seeds_are_stable_and_distinct():
    """Same configuration, same seeds; samples of one problem must differ."""
    ids = [trajectory_id("x/1", "long", sample) for sample in range(50)]
    assert ids[3] == "x/1#long#3"
    seeds = [request_seed(0, id_) for id_ in ids]
    assert len(set(seeds)) == 50
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert request_seed(0, "x/1#long#0") == 1475580861
    assert request_seed(1, "x/1#long#0") != seeds[0]
