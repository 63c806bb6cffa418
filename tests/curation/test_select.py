"""Selection by token budget."""

import numpy as np
import pytest

from z1ray.curation.config import QuotaConfig
from z1ray.curation.select import cells, select, tokens_short
from z1ray.curation.store import id_hashes

LENGTHS = {"a": 5, "b": 9, "c": 2, "d": 5, "e": 1}


def chosen(order, budget, seed=0, names="abcde", parts=None):
    tokens = np.array([LENGTHS[name] for name in names])
    ranks = np.argsort(np.argsort(list(names)))
    everything = [(np.ones(len(names), dtype=bool), budget)]
    mask = select(tokens, ranks, id_hashes(names), iter(parts or everything), order, seed)
    return {name for name, taken in zip(names, mask, strict=True) if taken}


def test_longest_stops_at_the_first_that_does_not_fit():
    """Filling up with short rows would make the long selection of the ablation less long."""
    assert chosen("longest", 17) == {"b", "a"}  # not d (5), and then not c and e, though they fit
    assert chosen("longest", 19) == {"b", "a", "d"}
    assert chosen("longest", 8) == set()


def test_shortest_fills_exactly():
    """A row that reaches the budget exactly is in."""
    assert chosen("shortest", 8) == {"e", "c", "a"}
    assert chosen("shortest", 7) == {"e", "c"}


def test_z1_takes_the_row_that_crosses_the_budget():
    """Its script adds rows until the sum has reached T, so it ends at or above T."""
    assert chosen("z1_longest", 8) == {"b"}
    assert chosen("z1_longest", 9) == {"b"}
    assert chosen("z1_longest", 10) == {"b", "a"}
    assert chosen("z1_shortest", 4) == {"e", "c", "a"}
    assert chosen("z1_shortest", 3) == {"e", "c"}
    assert chosen("z1_shortest", 1000) == set("abcde")


def test_order_of_rows_does_not_matter():
    """Ray returns rows in any order; the selection must not change with it."""
    for order in ("longest", "shortest", "random", "z1_longest"):
        assert chosen(order, 12, 1) == chosen(order, 12, 1, names="edcba")


def test_random_follows_its_seed():
    """Repeats of the ablation need other draws, reproducibly, and never above the budget."""
    drawn = [frozenset(chosen("random", 10, seed)) for seed in range(20)]
    assert len(set(drawn)) > 3
    assert max(sum(LENGTHS[name] for name in names) for names in drawn) <= 10
    assert drawn == [frozenset(chosen("random", 10, seed)) for seed in range(20)]


def test_random_order_of_two_rows_does_not_depend_on_others():
    """Adding data must not reshuffle what was there."""
    for seed in range(10):
        alone = chosen("random", 5, seed, names="ad")
        assert len(alone) == 1
        first = alone.pop()
        with_others = chosen("random", 11, seed)
        assert first in with_others or not ({"a", "d"} & with_others)


MODE = np.array([0, 0, 1, 1, 1, 1])
DIFFICULTY = np.array([1, 3, 1, 3, 0, 2])
NAMES = (["long", "short"], ["none", "easy", "medium", "hard"])


def budgets(quotas, budget=100):
    parts = cells(quotas, budget, MODE, NAMES[0], DIFFICULTY, NAMES[1])
    return {tuple(np.flatnonzero(mask).tolist()): tokens for mask, tokens in parts if mask.any()}


def test_without_quotas_all_rows_share_the_budget():
    """The default is one selection over everything."""
    assert budgets(QuotaConfig()) == {(0, 1, 2, 3, 4, 5): 100}


def test_quotas_by_mode_and_difficulty():
    """Each cell has its share; what is not named shares what is left."""
    assert budgets(QuotaConfig(mode={"long": 0.3})) == {(0, 1): 30, (2, 3, 4, 5): 70}
    both = budgets(QuotaConfig(mode={"long": 0.5, "short": 0.5}, difficulty={"easy": 0.2, "hard": 0.4}))
    assert both == {(0,): 10, (1,): 20, (2,): 10, (3,): 20, (4, 5): 20}


def test_quota_of_everything_leaves_nothing_for_others():
    """Shares that add up to 1 exclude what they do not name."""
    assert budgets(QuotaConfig(difficulty={"easy": 1.0})) == {(0, 2): 100, (1, 3, 4, 5): 0}
    parts = [(np.array([True, False, False, False, False]), 0)]
    assert chosen("z1_longest", 0, parts=parts) == set()


@pytest.mark.parametrize("share", [0.1, 0.3, 0.7])
def test_shares_lose_no_token_to_rounding(share):
    """0.7 of 10 is 7, whatever floating point thinks."""
    assert budgets(QuotaConfig(mode={"long": share}), 10)[(0, 1)] == round(10 * share)


@pytest.mark.parametrize("order", ["longest", "shortest", "random"])
def test_selections_at_equal_tokens_differ_by_less_than_a_row(order):
    """The paper's ablation compares what is chosen, not how much."""
    names = [f"row-{number:03d}" for number in range(200)]
    tokens = 1 + (id_hashes(names) % 40).astype(np.int64)
    everything = [(np.ones(len(names), dtype=bool), 1000)]
    mask = select(tokens, np.arange(len(names)), id_hashes(names), everything, order, 0)
    assert 1000 - tokens.max() < tokens[mask].sum() <= 1000


def test_a_smaller_random_sample_is_part_of_a_larger():
    """So sample sizes are compared on nested data, not on other draws."""
    for seed in range(5):
        sizes = [chosen("random", budget, seed) for budget in (5, 10, 20)]
        assert sizes[0] <= sizes[1] <= sizes[2]


def test_a_share_that_cannot_be_filled_is_counted():
    """Tokens that easy problems do not have must not pass in silence: the variant is not at equal tokens."""
    tokens = np.array([5, 5, 5, 5, 5, 5])
    parts = cells(QuotaConfig(difficulty={"easy": 0.75, "hard": 0.25}), 20, MODE, NAMES[0], DIFFICULTY, NAMES[1])
    assert tokens_short(tokens, parts) == 5  # of 15 the two easy rows hold 10
    parts = cells(QuotaConfig(difficulty={"easy": 0.5, "hard": 0.5}), 20, MODE, NAMES[0], DIFFICULTY, NAMES[1])
    assert tokens_short(tokens, parts) == 0
