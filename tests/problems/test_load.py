"""Problems of several sources, streamed and as a list."""

import json

import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems, load_problems
from z1ray.records import PROBLEM, read_rows, write_rows

LEETCODE = SourceConfig(kind="leetcode", difficulty=["hard"], limit=7, seed=3)


def test_sources_keep_their_order_and_repeat_exactly():
    """A resumed run must see the same problems under the same ids."""
    sources = [LEETCODE, SourceConfig(kind="humaneval", limit=3)]
    rows = load_problems(sources)
    assert [row["source"] for row in rows] == ["leetcode"] * 7 + ["humaneval"] * 3
    assert {row["difficulty"] for row in rows[:7]} == {"hard"}
    assert rows == load_problems(sources)


def test_the_stream_and_the_list_hold_the_same_rows():
    """Generation streams and evaluation sorts, but a source means the same problems to both."""
    sources = [LEETCODE, SourceConfig(kind="reasoning_gym", task="word_sorting", limit=5)]
    key = lambda row: (row["source"], row["problem_id"])  # noqa: E731
    assert sorted(iter_problems(sources), key=key) == sorted(load_problems(sources), key=key)


def test_nothing_left_is_refused():
    """An empty list of problems would run every stage on nothing."""
    source = SourceConfig(kind="humaneval", difficulty=["medium"])
    for load in (load_problems, lambda sources: list(iter_problems(sources))):
        with pytest.raises(UserError, match="no problem of difficulty"):
            load([source])


def test_an_id_in_two_sources_is_refused():
    """Trajectories are joined to problems by id: two problems under one would mix."""
    twice = [SourceConfig(kind="humaneval", limit=3)] * 2
    with pytest.raises(UserError, match="its own `name`"):
        load_problems(twice)
    with pytest.raises(UserError, match="its own `name`"):
        list(iter_problems(twice))


def test_an_id_twice_in_a_file_is_refused(tmp_path):
    """The id is named, though a stream keeps only hashes."""
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"question": "why?", "problem_id": number % 7}) for number in range(8)))
    with pytest.raises(UserError, match=r"problem_id = 'jsonl/0'"):
        list(iter_problems([SourceConfig(kind="jsonl", path=str(path))]))


def test_rows_fit_the_schema(tmp_path):
    """Every source's rows go to Parquet and come back unchanged."""
    rows = load_problems(
        [LEETCODE, SourceConfig(kind="humaneval"), SourceConfig(kind="reasoning_gym", task="sudoku", limit=2)]
    )
    write_rows(rows, tmp_path / "problems.parquet", PROBLEM)
    assert read_rows(tmp_path / "problems.parquet") == rows
