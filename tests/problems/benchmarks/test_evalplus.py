"""HumanEval+ in EvalPlus's own layout and the hub's, against EvalPlus's rule."""

from textwrap import dedent

import pytest

from tests.problems.benchmarks.rows import load, of_code, published, shipped, written
from z1ray.errors import UserError

RECORDS = {record["task_id"].partition("/")[2]: record for record in published("humanevalplus")}
ROWS = shipped("humanevalplus", "evalplus")


def made(body, plus, atol=0):
    """A record whose reference solution has this body; its inputs are numbers."""
    return {
        "task_id": "HumanEval/900",
        "prompt": 'import math\n\n\ndef made(x):\n    """Made up."""\n',
        "canonical_solution": f"    return {body}\n",
        "entry_point": "made",
        "base_input": [[1]],
        "plus_input": [[one] for one in plus],
        "atol": atol,
    }


@pytest.mark.parametrize("task", sorted(RECORDS))
def test_published_solutions_pass_in_every_shape_and_empty_ones_do_not(task):
    """Whole, or as the rest of the prompt; what the tests compare with is never in the answer's process."""
    record = RECORDS[task]
    body, name = record["canonical_solution"], record["entry_point"]
    shapes = [record["prompt"] + body, dedent(body)]
    assert [of_code(ROWS[task], shape) for shape in shapes] == ["passed"] * 2
    assert of_code(ROWS[task], f"def {name}(*args):\n    return None") in {"failed", "error"}
    assert of_code(ROWS[task], f"def {name}(*args): return _reference['{name}'](*args)") == "error"


@pytest.mark.parametrize(
    ("wanted", "answer", "atol", "expected"),
    [
        ("x + 1", "x + 1", 0, "passed"),
        ("x + 1", "x + 1.0", 0, "passed"),
        ("x + 1", "x + 1 + 1e-9", 0, "failed"),
        ("x / 3", "x / 3 + 1e-9", 0, "passed"),
        ("x / 3", "x / 3 + 1e-5", 0, "failed"),
        ("x / 3", "x / 3 + 1e-5", 1e-4, "passed"),
        ("[x / 3, x / 7]", "[x / 3 + 1e-9, x / 7]", 0, "passed"),
        ("[x / 3, x / 7]", "(x / 3 + 1e-9, x / 7)", 0, "failed"),
        ("[x / 3, x / 7]", "[x / 3 + 1e-9]", 0, "failed"),
        ("[x, x / 3]", "[x, x / 3 + 1e-9]", 0, "failed"),
        ("(x, x)", "[x, x]", 0, "failed"),
        ("str(x)", "x", 0, "failed"),
        ("x * math.inf", "x * math.inf", 0, "passed"),
    ],
)
def test_the_rule_is_evalpluss(tmp_path, wanted, answer, atol, expected):
    """Equal, or close for floats and lists of nothing else, of the same type."""
    (row,) = load(written(tmp_path, [made(wanted, [2, 9], atol)]), "evalplus").values()
    assert of_code(row, f"import math\ndef made(x): return {answer}") == expected


def test_the_added_inputs_count(tmp_path):
    """What passes the base inputs alone passes HumanEval, not HumanEval+."""
    (row,) = load(written(tmp_path, [made("x * x", [3])]), "evalplus").values()
    assert of_code(row, "def made(x): return x") == "failed"
    assert of_code(row, "def made(x): return x * x") == "passed"


def test_any_zero_of_the_polynomial_is_right(tmp_path):
    """HumanEval/32 has more than one right answer: the reference's is no measure."""
    assert of_code(ROWS["32"], "def find_zero(xs):\n    return 0.5") == "failed"
    record = RECORDS["32"] | {"base_input": [[[-4, 0, 1]], [[1, 2]]], "plus_input": []}
    (row,) = load(written(tmp_path, [record]), "evalplus").values()
    for zero in ("2", "-2"):
        assert of_code(row, f"def find_zero(xs):\n    return {zero} if len(xs) == 3 else -0.5") == "passed"


def test_the_hubs_layout_has_its_cases_in_a_program(tmp_path):
    """evalplus/humanevalplus and openai/openai_humaneval; that of the former needs NumPy."""
    record = made("x", []) | {"test": "def check(candidate):\n    assert candidate(2) == 3\n"}
    hub = {name: value for name, value in record.items() if name not in {"base_input", "plus_input", "atol"}}
    (row,) = load(written(tmp_path, [hub]), "evalplus").values()
    assert of_code(row, "def made(x): return x + 1") == "passed"
    assert of_code(row, "def made(x): return x") == "failed"
    (row,) = load(written(tmp_path, [hub | {"test": f"import numpy as np\n{hub['test']}"}]), "evalplus").values()
    with pytest.raises(UserError, match="needs numpy"):
        of_code(row, "def made(x): return x + 1")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"task_id": "Mbpp/2"}, "no problem of HumanEval"),
        ({"entry_point": "other"}, "does not define it"),
        ({"base_input": [], "plus_input": []}, "base_input"),
        ({"base_input": [1]}, "base_input"),
        ({"base_input": None}, "row 1: test"),
    ],
)
def test_bad_rows_are_refused(tmp_path, change, told):
    """Before the first answer is graded."""
    with pytest.raises(UserError, match=told):
        load(written(tmp_path, [made("x", [1]) | change]), "evalplus")
