"""One verified trajectory a problem: the shortest of the mode that mostly passes, or the longest."""

import numpy as np
import pytest

from z1ray.curation.config import CurateConfig
from z1ray.curation.decide import choose_one
from z1ray.curation.rows import NOT_PASSED, PASSED, Rows
from z1ray.errors import UserError

SHORT, LONG = 1, 0  # places of the modes in alphabetical order

# Problem, mode, tokens, passed. Of problem 0 both modes pass, so the short one is as good; of problem 1 one
# short answer of three was lucky; of problem 2 only the short mode ever passes.
TABLE = [
    (0, SHORT, 4, True),
    (0, SHORT, 3, True),
    (0, LONG, 20, True),
    (0, LONG, 22, True),
    (1, SHORT, 4, True),
    (1, SHORT, 4, False),
    (1, SHORT, 4, False),
    (1, LONG, 50, True),
    (1, LONG, 48, True),
    (2, SHORT, 4, True),
    (2, LONG, 60, False),
]


def rows(table) -> Rows:
    problem, mode, num_tokens, passed = (np.array(column) for column in zip(*table, strict=True))
    num = len(table)
    blank = {name: np.zeros(num, dtype=np.int64) for name in ("difficulty", "reason", "verdict", "random", "exact")}
    return Rows(
        ranks=np.arange(num),
        problem=problem,
        num_tokens=num_tokens,
        mode=mode,
        modes=["long", "short"],
        has_tests=np.ones(num, dtype=bool),
        verified=np.where(passed, PASSED, NOT_PASSED),
        verdicts=[None],
        duplicate_of=np.full(num, -1),
        gram=np.full(num, -1),
        **blank,
    )


@pytest.mark.parametrize(("which", "chosen"), [("shortest", [1, 8, 9]), ("longest", [3, 7, 9])])
def test_one_stays_of_each_problem(which, chosen):
    found = rows(TABLE)
    kept = np.flatnonzero(found.verified == PASSED)
    assert sorted(choose_one(found, kept, which).tolist()) == chosen


def test_a_row_that_is_gone_still_counts_in_the_pass_rate():
    """A repeated wrong answer is dropped as such; that its mode failed twice stays true."""
    table = [(0, SHORT, 4, True), (0, SHORT, 4, False), (0, SHORT, 4, False), (0, LONG, 9, True), (0, LONG, 9, False)]
    assert choose_one(rows(table), np.array([0, 3]), "shortest").tolist() == [3]


def test_choosing_needs_verified_rows():
    with pytest.raises(UserError, match="keep=verified"):
        CurateConfig(trajectories="t", tokenizer="t", per_problem="shortest")
