"""The choice of rows."""

import random

from z1ray.problems.choice import choose
from z1ray.problems.config import SourceConfig
from z1ray.records import problem


def some_rows():
    return [
        problem(problem_id=f"s/{number}", source="s", question="why?", difficulty=["easy", "hard"][number % 2])
        for number in range(20)
    ]


def chosen(rows=None, **settings):
    found = choose(lambda: rows or some_rows(), SourceConfig(kind="jsonl", path="x", **settings))
    return [row["problem_id"] for row in found]


def test_choice_depends_on_the_set_of_rows_alone():
    """Files listed in another order must not give other training problems."""
    shuffled = some_rows()
    random.Random(9).shuffle(shuffled)
    assert sorted(chosen(shuffled, limit=5, seed=1)) == sorted(chosen(limit=5, seed=1))


def test_the_choice_is_the_same_for_ever():
    """A seed named in a published configuration goes on naming the same problems."""
    ids = sorted(row["problem_id"] for row in some_rows())
    assert sorted(chosen(limit=5, seed=1)) == sorted(random.Random(1).sample(ids, 5))
    assert sorted(chosen(limit=5, seed=1)) == ["s/10", "s/11", "s/12", "s/16", "s/8"]


def test_ids_beyond_ascii_sort_as_python_sorts_them():
    """Arrow sorts by bytes and Python by code points, which is the same order."""
    rows = [problem(problem_id=f"s/{name}", source="s", question="why?") for name in "zÄ\U0001f600\ufb01aB~é日"]
    ids = sorted(row["problem_id"] for row in rows)
    assert sorted(chosen(rows, limit=3, seed=2)) == sorted(random.Random(2).sample(ids, 3))


def test_seed_changes_the_choice_and_limit_its_size():
    """A seed that changes nothing would make repeated experiments one and the same."""
    first, second = chosen(limit=5, seed=0), chosen(limit=5, seed=1)
    assert set(first) != set(second)
    assert [len(set(names)) for names in (first, second)] == [5, 5]


def test_difficulty_filters_before_the_limit():
    """Filtering after the limit would give fewer problems than there are."""
    assert chosen(difficulty=["hard"], limit=10) == [f"s/{number}" for number in range(1, 20, 2)]
