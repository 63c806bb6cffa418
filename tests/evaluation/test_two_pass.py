"""The two-pass reference, on a model small enough to read: it counts up and ends at 9."""

import pytest

from z1ray.evaluation.two_pass import Completion, two_pass
from z1ray.window import NO_CAP, Window


def count_up(prompts, limit):
    done = []
    for prompt in prompts:
        tokens: list[int] = []
        while (limit is None or len(tokens) < limit) and (not tokens or tokens[-1] != 9):
            tokens.append((tokens or list(prompt))[-1] + 1)
        done.append(Completion(tuple(tokens), bool(tokens) and tokens[-1] == 9))
    return done


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(NO_CAP, (0,), None), Completion((6, 7, 8, 9), True)),
        (Window(4, (0,), 20), Completion((6, 7, 8, 9), True)),
        (Window(2, (3, 4), 20), Completion((6, 7, 3, 4, 5, 6, 7, 8, 9), True)),
        (Window(2, (3, 4), 6), Completion((6, 7, 3, 4, 5, 6), False)),
        (Window(0, (3,), 3), Completion((3, 4, 5), False)),
    ],
)
def test_reference(window, expected):
    """Early end, cut with an end, cut with the limit, straight to the hint."""
    assert two_pass(count_up, [[5]], window) == [expected]


def test_only_cut_prompts_take_part_in_the_second_pass():
    """A run that ended must not be continued, and order is kept."""
    runs = two_pass(count_up, [[7], [1], [8]], Window(2, (6,), 20))
    assert [run.token_ids for run in runs] == [(8, 9), (2, 3, 6, 7, 8, 9), (9,)]
