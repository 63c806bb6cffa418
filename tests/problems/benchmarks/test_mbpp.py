"""MBPP, and MBPP+ in the hub's layout."""

import pytest

from tests.problems.benchmarks.rows import load, of_code, published, shipped, written
from z1ray.errors import UserError

ROWS = shipped("mbpp", "mbpp")
CODE = {str(record["task_id"]): record["code"] for record in published("mbpp")}
# The layout of evalplus/mbppplus: one program with all cases, which needs NumPy.
PLUS = {
    "task_id": 2,
    "text": "Write a function to double a number.",
    "test_imports": ["import math"],
    "test_list": ["assert double(2) == 4"],
    "test": """import numpy as np
def assertion(out, exp, atol):
    assert np.allclose(out, exp, rtol=1e-07, atol=atol) if atol else out == exp
inputs = [[0.1], [math.inf]]
results = [0.2, math.inf]
for inp, exp in zip(inputs, results):
    assertion(double(*inp), exp, 1e-6)
""",
}


@pytest.mark.parametrize("task", sorted(ROWS))
def test_published_solutions_pass_and_empty_ones_do_not(task):
    """The question shows the assertions, without which nobody could know the function's name."""
    assert of_code(ROWS[task], CODE[task]) == "passed"
    name = CODE[task].partition("def ")[2].partition("(")[0]
    assert name in ROWS[task]["question"]
    assert of_code(ROWS[task], f"def {name}(*args):\n    return None") == "failed"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def double(x): return 2 * x", "passed"),
        ("def double(x): return 2 * x + 1e-9 * (x < 1)", "passed"),
        ("def double(x): return 4", "failed"),
        ("def double(x): return float(x) * 2 if x > 1 else 0", "failed"),
    ],
)
def test_plus_runs_the_larger_program_too(tmp_path, code, expected):
    """Passing the three assertions alone is MBPP, not MBPP+."""
    (row,) = load(written(tmp_path, [PLUS]), "mbpp").values()
    assert of_code(row, code, packages=["numpy"], memory_mib=2048) == expected


def test_an_answer_may_have_the_name_of_a_builtin(tmp_path):
    """As in MBPP/126, whose function is called sum: the tests must not call Python's own."""
    code = "def sum(a, b):\n    return a + b"
    record = {"task_id": 126, "text": "Add.", "code": code, "test_list": ["assert sum(1, 2) == 3"]}
    (row,) = load(written(tmp_path, [record]), "mbpp").values()
    assert row["entry_point"] == "sum"
    assert of_code(row, "def sum(a, b): return a + b") == "passed"
    assert of_code(row, "def sum(a, b): return a") == "failed"


def test_a_missing_library_is_told_not_counted(tmp_path):
    """Without NumPy in the sandbox every answer would be wrong."""
    (row,) = load(written(tmp_path, [PLUS]), "mbpp").values()
    with pytest.raises(UserError, match=r"(?s)sandbox\.packages.*needs numpy"):
        of_code(row, "def double(x): return 2 * x")


def test_the_sanitized_part_is_read_with_its_column(tmp_path):
    """There the question stands in `prompt`."""
    record = {"task_id": 3, "prompt": "Negate.", "test_imports": [], "test_list": ["assert negate(1) == -1"]}
    (row,) = load(written(tmp_path, [record]), "mbpp", columns={"text": "prompt"}).values()
    assert of_code(row, "def negate(x): return -x") == "passed"


@pytest.mark.parametrize("tests", [[], "assert f(1)", [1], None])
def test_bad_assertions_are_refused(tmp_path, tests):
    """A problem without tests would be passed by anything."""
    with pytest.raises(UserError, match="row 1: test_list"):
        load(written(tmp_path, [PLUS | {"test_list": tests}]), "mbpp")
