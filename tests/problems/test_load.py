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


def lines(path, records):
    path.write_text("\n".join(json.dumps({"question": question, "problem_id": name}) for question, name in records))


def test_an_id_twice_is_refused_in_evaluation(tmp_path):
    """A benchmark that counts a problem twice is another benchmark."""
    lines(tmp_path / "a.jsonl", [("why?", number % 7) for number in range(8)])
    with pytest.raises(UserError, match=r"problem_id = 'jsonl/0'"):
        load_problems([SourceConfig(kind="jsonl", path=str(tmp_path / "a.jsonl"))])


@pytest.mark.parametrize("limit", [None, 4])
def test_an_id_twice_does_not_end_a_long_run(tmp_path, capsys, limit):
    """Files count their rows from 0 each, and sets give one question with many answers."""
    lines(tmp_path / "a.jsonl", [("a?", 0), ("b?", 1), ("b?", 1)])
    lines(tmp_path / "b.jsonl", [("a?", 0), ("c?", 0), ("d?", 1)])
    rows = list(iter_problems([SourceConfig(kind="jsonl", name="s", path=str(tmp_path / "*.jsonl"), limit=limit)]))
    assert {row["problem_id"]: row["question"] for row in rows} == {
        "s/0": "a?",
        "s/1": "b?",
        "s/0@b-2": "c?",
        "s/1@b-3": "d?",
    }
    told = capsys.readouterr().out
    assert "2 rows are left out, whose id and question came before" in told
    assert "2 rows have an id that stood for another question" in told


def test_what_a_filter_hides_is_counted(tmp_path, capsys):
    """Rows of unknown difficulty vanish behind a filter for hard ones."""
    levels = ["hard", "easy", None, "brutal", "easy"]
    records = [{"question": "why?", "difficulty": level} for level in levels] + [{"question": "", "difficulty": "hard"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, records)))
    source = SourceConfig(kind="jsonl", path=str(tmp_path / "a.jsonl"), difficulty=["hard"], limit=3)
    assert [row["problem_id"] for row in iter_problems([source])] == ["jsonl/a-1"]
    told = capsys.readouterr().out
    assert "difficulty hard leaves out 2 easy, 2 of unknown difficulty, 1 that cannot be used" in told
    assert told.count("leaves out") == 1


def test_rows_fit_the_schema(tmp_path):
    """Every source's rows go to Parquet and come back unchanged."""
    rows = load_problems(
        [LEETCODE, SourceConfig(kind="humaneval"), SourceConfig(kind="reasoning_gym", task="sudoku", limit=2)]
    )
    write_rows(rows, tmp_path / "problems.parquet", PROBLEM)
    assert read_rows(tmp_path / "problems.parquet") == rows
