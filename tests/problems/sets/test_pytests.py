"""Modules of pytest tests without pytest."""

import pytest

from tests.problems.benchmarks.rows import of_code
from z1ray.problems.sets.checks import TestsError
from z1ray.problems.sets.pytests import STAND_IN, answer_names, cases
from z1ray.records import problem

MODULE = """
import math, pytest
from pytest import raises as failing
from solution import half, Stack as Pile

VALUES = [(2, 1), (8, 4)]

def close(a, b):
    return a == pytest.approx(b)

@pytest.mark.parametrize("given, wanted", VALUES)
@pytest.mark.parametrize("times", [1, 2])
def test_values(given, wanted, times):
    assert half(given) * times == wanted * times

@pytest.mark.parametrize("given", [1, 3])
def test_odd(given):
    assert close(half(given), given / 2 + 1e-9)
    assert half([1.0]) == pytest.approx([0.5])

def test_error():
    with failing(TypeError, match="no number"):
        half("x")

class TestStack:
    def test_push(self):
        stack = Pile()
        stack.push(math.floor(1.5))
        assert stack.items == [1]

if __name__ == "__main__":
    pytest.main()
"""
STACK = "class Stack:\n    def __init__(self): self.items = []\n    def push(self, item): self.items.append(item)\n"
HALF = """
def half(x):
    if isinstance(x, str):
        raise TypeError("no number")
    return [one / 2 for one in x] if isinstance(x, list) else x / 2
"""


def row(module=MODULE):
    tests = {"kind": "python", "setup": STAND_IN, "cases": cases(module)}
    return problem(problem_id="s/1", source="s", question="?", tests=tests)


def test_a_right_answer_passes():
    """Parametrized tests, expected errors, tolerances and classes of tests all run."""
    assert answer_names(MODULE) == ["half", "Stack"]
    assert of_code(row(), STACK + HALF) == "passed"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("x / 2\n", "x // 2\n"),
        ("one / 2", "one"),
        ('raise TypeError("no number")', "return 0"),
        ("no number", "what"),
        ("items.append(item)", "items"),
        ("x / 2\n", "4 if x == 2 else x / 2\n"),
    ],
)
def test_each_kind_of_test_can_fail(right, wrong):
    """A stand-in that lets everything pass would verify nothing."""
    code = STACK + HALF
    assert right in code
    assert of_code(row(), code.replace(right, wrong)) == "failed"


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("def test_x(:", "no Python"),
        ("x = 1", "no function begins with test"),
        ("def test_x(capsys): pass", "fixture capsys"),
        ("import pytest\n@pytest.fixture\ndef x(): pass\ndef test_x(): pass", "fixture has no stand-in"),
        ("import solution\ndef test_x(): assert solution.f()", "imports solution as a module"),
        ("import pytest\n@pytest.mark.slow\ndef test_x(): pass", "mark.slow has no stand-in"),
    ],
)
def test_what_cannot_run_is_told(module, reason):
    """Fixtures and marks need pytest itself."""
    with pytest.raises(TestsError, match=reason):
        cases(module)
