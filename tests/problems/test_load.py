"""The choice of problems."""

import random

import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import choose, load_problems
from z1ray.records import PROBLEM, problem, read_rows, write_rows

LEETCODE = SourceConfig(kind="leetcode", difficulty=["hard"], limit=7, seed=3)


def some_rows():
    return [
        problem(problem_id=f"s/{number}", source="s", question="why?", difficulty=["easy", "hard"][number % 2])
        for number in range(20)
    ]


def ids(rows):
    return [row["problem_id"] for row in rows]


def test_choice_depends_on_the_set_of_rows_alone():
    """Files listed in another order must not give other training problems."""
    source = SourceConfig(kind="jsonl", path="x", limit=5, seed=1)
    shuffled = some_rows()
    random.Random(9).shuffle(shuffled)
    assert ids(choose(shuffled, source)) == ids(choose(some_rows(), source))


def test_seed_changes_the_choice_and_limit_its_size():
    """A seed that changes nothing would make repeated experiments one and the same."""
    chosen = [ids(choose(some_rows(), SourceConfig(kind="jsonl", path="x", limit=5, seed=seed))) for seed in (0, 1)]
    assert chosen[0] != chosen[1]
    assert [len(set(names)) for names in chosen] == [5, 5]


def test_difficulty_filters_before_the_limit():
    """Filtering after the limit would give fewer problems than there are."""
    source = SourceConfig(kind="jsonl", path="x", difficulty=["hard"], limit=10)
    assert ids(choose(some_rows(), source)) == sorted(f"s/{number}" for number in range(1, 20, 2))


def test_nothing_left_is_refused():
    """An empty list of problems would run every stage on nothing."""
    with pytest.raises(UserError, match="medium"):
        choose(some_rows(), SourceConfig(kind="jsonl", path="x", difficulty=["medium"]))


def test_sources_keep_their_order_and_repeat_exactly():
    """A resumed run must see the same problems under the same ids."""
    sources = [LEETCODE, SourceConfig(kind="humaneval", limit=3)]
    rows = load_problems(sources)
    assert [row["source"] for row in rows] == ["leetcode"] * 7 + ["humaneval"] * 3
    assert {row["difficulty"] for row in rows[:7]} == {"hard"}
    assert rows == load_problems(sources)


def test_an_id_in_two_sources_is_refused():
    """Trajectories are joined to problems by id: two problems under one would mix."""
    with pytest.raises(UserError, match="its own `name`"):
        load_problems([LEETCODE, LEETCODE])


def test_rows_fit_the_schema(tmp_path):
    """Every source's rows go to Parquet and come back unchanged."""
    rows = load_problems(
        [LEETCODE, SourceConfig(kind="humaneval"), SourceConfig(kind="reasoning_gym", task="sudoku", limit=2)]
    )
    write_rows(rows, tmp_path / "problems.parquet", PROBLEM)
    assert read_rows(tmp_path / "problems.parquet") == rows
