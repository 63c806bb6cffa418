"""Selection by token budget."""

from z1ray.curation.select import select
from z1ray.records import Row

ROWS: list[Row] = [
    {"trajectory_id": name, "num_tokens": count} for name, count in [("a", 5), ("b", 9), ("c", 2), ("d", 5), ("e", 1)]
]


def test_no_budget_takes_all():
    """The default must not drop anything."""
    assert select(ROWS, "longest", None, 0) == set("abcde")


def test_longest_stops_at_the_first_that_does_not_fit():
    """Filling up with short rows would make the long selection of the ablation less long."""
    assert select(ROWS, "longest", 17, 0) == {"b", "a"}  # not d (5), and then not c and e, though they fit
    assert select(ROWS, "longest", 19, 0) == {"b", "a", "d"}
    assert select(ROWS, "longest", 8, 0) == set()


def test_shortest_fills_exactly():
    """A row that reaches the budget exactly is in."""
    assert select(ROWS, "shortest", 8, 0) == {"e", "c", "a"}
    assert select(ROWS, "shortest", 7, 0) == {"e", "c"}


def test_order_of_rows_does_not_matter():
    """Ray returns rows in any order; the selection must not change with it."""
    for order in ("longest", "shortest", "random"):
        assert select(ROWS, order, 12, 1) == select(ROWS[::-1], order, 12, 1)


def test_random_follows_its_seed():
    """Repeats of the ablation need other draws, reproducibly."""
    drawn = [frozenset(select(ROWS, "random", 10, seed)) for seed in range(20)]
    assert len(set(drawn)) > 3
    sums = [sum(int(row["num_tokens"]) for row in ROWS if row["trajectory_id"] in chosen) for chosen in drawn]
    assert max(sums) <= 10
    assert drawn == [frozenset(select(ROWS, "random", 10, seed)) for seed in range(20)]
