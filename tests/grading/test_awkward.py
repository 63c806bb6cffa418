"""Right programs that need more than most, and dishonest ones; both are tables that anybody can extend."""

import pytest

from tests.grading import awkward, dishonest
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.records import problem

LIMITS = SandboxConfig(timeout_s=20)
DOUBLE = {
    "kind": "python",
    "setup": "import math",
    "cases": ["assert double(2) == 4", "assert double(math.inf) > 9", "assert abs(double(1.5) - 3) < 1e-9"],
}
SUM = {"kind": "stdio", "inputs": ["1 2\n", "5 5\n"], "outputs": ["3\n", "10"]}


def verdict(tests, code, limits=LIMITS):
    row = problem(problem_id="s/p", source="s", question="?", tests=tests, entry_point="double")
    return check(row, f"```python\n{code}\n```", limits).verdict


@pytest.mark.parametrize("name", awkward.FUNCTIONS)
def test_right_functions_pass(name):
    """What the sandbox refuses for no good reason is a right answer graded wrong."""
    assert verdict(DOUBLE, awkward.FUNCTIONS[name]) == "passed"


@pytest.mark.parametrize("name", awkward.PROGRAMS)
def test_right_programs_pass(name):
    """The same for programs with input and output."""
    assert verdict(SUM, awkward.PROGRAMS[name]) == "passed"


@pytest.mark.parametrize("name", dishonest.FUNCTIONS)
def test_dishonest_functions_do_not_pass(name):
    """An answer must not be able to tell its own verdict, and no attempt may end the grader."""
    limits = SandboxConfig(timeout_s=3)
    assert verdict(DOUBLE, dishonest.FUNCTIONS[name], limits) not in {"passed", "grader_error"}


@pytest.mark.parametrize("name", dishonest.PROGRAMS)
def test_dishonest_programs_do_not_pass(name):
    """The wanted output must not be within reach of the program."""
    assert verdict(SUM, dishonest.PROGRAMS[name]) not in {"passed", "grader_error"}


def test_the_tables_are_as_long_as_promised():
    """A table that shrinks protects less."""
    assert len(dishonest.FUNCTIONS) + len(dishonest.PROGRAMS) >= 50
    assert len(awkward.FUNCTIONS) + len(awkward.PROGRAMS) >= 60


@pytest.mark.parametrize(
    ("code", "case"),
    [
        ("import numpy as np\ndef double(x): return np.int64(2 * x)", "assert double(2) == 4"),
        ("import numpy as np\ndef double(x): return np.array([x, x]) * 2", "assert list(double(2)) == [4, 4]"),
        (
            "def double(x): return 2 * x",
            "import numpy as np\nassert (double(np.arange(3)) == np.array([0, 2, 4])).all()",
        ),
    ],
)
def test_named_packages_can_be_imported(code, case):
    """Many right answers use numpy; without the option it is not there."""
    tests = {"kind": "python", "setup": "", "cases": [case]}
    assert verdict(tests, code, SandboxConfig(packages=["numpy"])) == "passed"
    assert verdict(tests, code) in {"error", "grader_error"}
    program = "import numpy as np\nprint(np.fromstring(input(), dtype=int, sep=' ').sum())"
    assert verdict(SUM, program, SandboxConfig(packages=["numpy"])) == "passed"
