"""The plan of rows: nothing lost, no row too long, nobody waiting."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from z1ray.training.data import packing


@st.composite
def steps(draw: st.DrawFn) -> tuple[list[int], list[int], int, int]:
    """Examples of a step, lengths of all examples, capacity, workers."""
    capacity = draw(st.integers(1, 60))
    lengths = draw(st.lists(st.integers(1, capacity), min_size=1, max_size=40))
    examples = draw(st.lists(st.sampled_from(range(len(lengths))), min_size=1, unique=True))
    return examples, lengths, capacity, draw(st.integers(1, 9))


@given(steps())
def test_every_example_is_in_exactly_one_row(step: tuple[list[int], list[int], int, int]) -> None:
    """An example lost or doubled would train another recipe, without an error."""
    examples, lengths, capacity, num_workers = step
    rounds = packing.pack(examples, lengths, capacity=capacity, num_workers=num_workers)
    assert sorted(index for packs in rounds for pack in packs for index in pack) == sorted(examples)


@given(steps())
def test_no_row_exceeds_the_capacity(step: tuple[list[int], list[int], int, int]) -> None:
    """The memory was planned for it."""
    examples, lengths, capacity, num_workers = step
    rounds = packing.pack(examples, lengths, capacity=capacity, num_workers=num_workers)
    assert all(packing.num_tokens(pack, lengths) <= capacity for packs in rounds for pack in packs)


@given(steps())
def test_every_worker_has_a_row_in_every_round(step: tuple[list[int], list[int], int, int]) -> None:
    """Under ZeRO-3 a worker with one pass fewer hangs all others for ever; a round without rows wastes all."""
    examples, lengths, capacity, num_workers = step
    rounds = packing.pack(examples, lengths, capacity=capacity, num_workers=num_workers)
    assert all(len(packs) == num_workers for packs in rounds)
    assert all(any(packs) for packs in rounds)


@given(steps(), st.randoms(use_true_random=False))
def test_the_plan_follows_from_the_set_of_examples(
    step: tuple[list[int], list[int], int, int], shuffler: random.Random
) -> None:
    """Each worker plans for itself, and so does one that resumes: all must come to the same plan."""
    examples, lengths, capacity, num_workers = step
    rounds = packing.pack(examples, lengths, capacity=capacity, num_workers=num_workers)
    shuffled = shuffler.sample(examples, len(examples))
    assert packing.pack(shuffled, lengths, capacity=capacity, num_workers=num_workers) == rounds


@given(steps())
def test_rows_get_shorter_from_worker_to_worker_and_round_to_round(
    step: tuple[list[int], list[int], int, int],
) -> None:
    """Like rows meet in a round; and the longest come first, so that memory runs out at the start or never."""
    examples, lengths, capacity, num_workers = step
    rounds = packing.pack(examples, lengths, capacity=capacity, num_workers=num_workers)
    sizes = [packing.num_tokens(pack, lengths) for packs in rounds for pack in packs]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(("num_workers", "num_rounds"), [(8, 1), (2, 3), (1, 5)])
def test_the_recipes_steps_leave_nobody_waiting(num_workers: int, num_rounds: int) -> None:
    """128 reasoning traces of a few hundred to 16,384 tokens, rows of 32,768: no more rows than needed, all alike."""
    draw = random.Random(0)
    lengths = [min(16384, round(draw.lognormvariate(6.9, 0.7))) for _ in range(128)]
    rounds = packing.pack(range(128), lengths, capacity=32768, num_workers=num_workers)
    assert len(rounds) == num_rounds
    assert packing.fill_ratio(rounds, lengths) > 0.999


def test_where_even_dealing_does_not_fit_there_is_a_row_more() -> None:
    """5 5 | 4 3 3 fit into two rows of 10, but not if each goes to the shortest row; none may be overfull or lost."""
    lengths = [5, 5, 4, 3, 3]
    assert packing.num_first_fit(lengths, 10) == 2
    assert packing.pack(range(5), lengths, capacity=10, num_workers=1) == [((0, 4),), ((2, 3),), ((1,),)]


def test_rows_trade_until_they_are_alike() -> None:
    """Dealt to the shorter row, 8 7 6 5 4 come to 17 and 13; the 8 for the 6 makes 15 and 15."""
    rounds = packing.pack(range(5), [8, 7, 6, 5, 4], capacity=30, num_workers=2)
    assert [packing.num_tokens(each, [8, 7, 6, 5, 4]) for each in rounds[0]] == [15, 15]


def test_fill_ratio_counts_waiting() -> None:
    """(6 + 4 + 3) tokens while each of two workers could have done 6 and then 3: an empty row waits too."""
    assert packing.fill_ratio([((0,), (1,)), ((2,), ())], [6, 4, 3]) == pytest.approx(13 / 18)
