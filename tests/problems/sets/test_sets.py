"""Each published set: what its rows become, and that its tests take the reference solution and no other."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.problems.benchmarks.rows import of_code, written
from z1ray import identity
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems.config import Layout, SourceConfig
from z1ray.problems.layouts import LAYOUTS
from z1ray.problems.load import iter_problems
from z1ray.records import PROBLEM, read_rows, write_rows

DATA = Path(__file__).parent / "data"


def read(path, layout, **settings):
    """The usable problems of a file."""
    rows = iter_problems([SourceConfig(kind="jsonl", path=str(path), format=layout, name="s", **settings)])
    return [row for row in rows if row["question"]]


def shipped(layout):
    return read(DATA / f"{layout}.jsonl", layout)


def made(tmp_path, layout, **record: Any):
    """The problem of one record."""
    (row,) = read(written(tmp_path, [record]), layout)
    return row


def metadata(row):
    return json.loads(row["metadata"])


@pytest.mark.parametrize("layout", sorted(path.stem for path in DATA.glob("*.jsonl")))
def test_rows_fit_the_schema(tmp_path, layout):
    """Every set's rows go to Parquet and come back unchanged."""
    rows = shipped(layout)
    write_rows(rows, tmp_path / "problems.parquet", PROBLEM)
    assert read_rows(tmp_path / "problems.parquet") == rows


def test_format_and_layout_are_one():
    """Two names of one setting must not name two things."""
    as_format = SourceConfig(kind="jsonl", path="x", format="taco")
    as_layout = SourceConfig(kind="jsonl", path="x", layout="taco")
    assert as_format == as_layout
    assert as_format.label == "taco"
    # A folder that was begun before there was the other name goes on.
    assert "format" not in identity.leaves(as_format)
    with pytest.raises(UserError, match="set one of them"):
        SourceConfig(kind="jsonl", path="x", format="taco", layout="apps")
    with pytest.raises(UserError, match="a humaneval source has none"):
        SourceConfig(kind="humaneval", format="taco")


def test_every_layout_can_be_named():
    """What the settings offer is what there is."""
    assert set(get_args(Layout)) == set(LAYOUTS) - {None}


# Wrong answers beside the reference solutions of the shipped rows, and solutions where a row has none.
CODE = {
    ("apps", 0): (None, "t = int(input())\nfor _ in range(t):\n    print('YES')"),
    ("apps", 1): (None, "class Solution:\n    def add(self, a, b): return a - b"),
    ("taco", 0): ("print(int(input()) + 1)", "print(int(input()))"),
    ("codecontests", 0): (
        "n, m = map(int, input().split())\nh = list(map(int, input().split()))\nlow = set()\n"
        "for _ in range(m):\n    a, b = (int(x) - 1 for x in input().split())\n"
        "    low |= {a} if h[a] <= h[b] else set()\n    low |= {b} if h[b] <= h[a] else set()\nprint(n - len(low))",
        "print(input())",
    ),
    ("deepcoder", 0): (None, "print(2 * int(input()))"),
    ("kodcode", 0): (None, "def selection_sort(arr): return arr"),
    ("humanevalx", 0): (None, "def has_close_elements(numbers, threshold): return True"),
    ("humanevalx", 1): (None, "def separate_paren_groups(paren_string): return []"),
    ("leetcode", 0): (None, "class Solution:\n    def makeDouble(self, number): return 4"),
}


@pytest.mark.parametrize(("layout", "number"), CODE)
def test_the_reference_solution_passes_and_a_wrong_one_fails(layout, number):
    """A set whose own solutions fail would verify nothing."""
    row = shipped(layout)[number]
    solution, wrong = CODE[layout, number]
    assert of_code(row, solution or metadata(row)["solution"]) == "passed"
    assert of_code(row, wrong) == "failed"


def test_questions_name_what_is_called():
    """A model that is not told the function's name can only fail its tests."""
    apps, kodcode = shipped("apps"), shipped("kodcode")
    assert "class Solution:\n    def add(self, a, b):" in apps[1]["question"]
    assert "standard input" in apps[0]["question"]
    assert apps[2]["question"] == "Hard one."
    assert "def selection_sort(arr):" in kodcode[0]["question"]


def test_difficulties_are_mapped():
    """Quotas by difficulty need one scale."""
    assert [row["difficulty"] for row in shipped("apps")] == ["medium", "easy", "hard"]
    assert [row["difficulty"] for row in shipped("taco")] == ["easy", "medium", "medium"]
    assert [row["difficulty"] for row in shipped("kodcode")] == ["easy"]
    assert [row["difficulty"] for row in shipped("codecontests")] == [None]
    assert [row["difficulty"] for row in shipped("leetcode")] == ["easy"]


@pytest.mark.parametrize(
    ("number", "rating", "expected"),
    [(0, 0, None), (2, 0, "medium"), (7, 0, "easy"), (11, 0, "hard"), (7, 2400, "hard"), (0, 1299, "easy")],
)
def test_a_rating_tells_more_than_a_letter(tmp_path, number, rating, expected):
    """Problem A of a hard contest is no easy one."""
    tests = {"input": ["1"], "output": ["1"]}
    row = made(tmp_path, "codecontests", description="d", public_tests=tests, difficulty=number, cf_rating=rating)
    assert row["difficulty"] == expected


def test_all_parts_of_codecontests_are_tests(tmp_path):
    """And the solution kept is the one in Python 3."""
    tests = {name: {"input": [name], "output": ["x"]} for name in ("public_tests", "private_tests", "generated_tests")}
    solutions = {"language": [2, 3, 3], "solution": ["int main() {}", "print('x')", "print('y')"]}
    row = made(tmp_path, "codecontests", name="n", description="d", solutions=solutions, **tests)
    assert row["tests"]["inputs"] == ["public_tests", "private_tests", "generated_tests"]
    assert metadata(row)["solution"] == "print('x')"
    assert row["problem_id"] == "s/n"


ADD = "def add(a, b):\n    return a + b"


@pytest.mark.parametrize(
    "tests",
    [
        {"fn_name": "add", "inputs": [[1, 2], [3, 4]], "outputs": [3, [7]]},
        [{"type": "function_call", "fn_name": "add", "input": [1, 2], "output": [3]}],
        [{"testtype": "functional", "input": "1\n2", "output": "3", "metadata": {"func_name": "add"}}],
    ],
)
def test_calls_are_read_in_every_published_form(tmp_path, tests):
    """DeepCoder's parts come from sets that write calls in three ways."""
    row = made(tmp_path, "deepcoder", problem="Add.", tests=json.dumps(tests))
    assert "def add(...):" in row["question"]
    assert of_code(row, ADD) == "passed"
    assert of_code(row, "class Solution:\n    def add(self, a, b): return a + b") == "passed"
    assert of_code(row, ADD.replace("+", "*")) == "failed"


def test_results_are_compared_as_json(tmp_path):
    """A published list is a tuple in some solutions, and a published key of a dictionary is text."""
    sample = {"fn_name": "f", "inputs": [[1]], "outputs": [[[1, 2], {"1": None}]]}
    row = made(tmp_path, "apps", question="f?", input_output=json.dumps(sample))
    assert of_code(row, "def f(x): return (x, 2), {x: None}") == "passed"
    assert of_code(row, "def f(x): return (x, 2)") == "failed"


@pytest.mark.parametrize(
    "tests",
    [
        "{broken",
        "[1]",
        '{"inputs": ["1"], "outputs": []}',
        '{"inputs": [1], "outputs": [1]}',
        '{"fn_name": "a b", "inputs": [[1]], "outputs": [1]}',
    ],
)
def test_tests_that_cannot_be_read_are_counted(tmp_path, capsys, tests):
    """The question is still of use, and the run says how many will not be verified."""
    row = made(tmp_path, "apps", question="why?", input_output=tests)
    assert row["tests"] is None
    assert metadata(row)["unreadable_tests"]
    assert "1 of 1 rows have tests that cannot be read" in capsys.readouterr().out


def test_thinking_is_no_part_of_a_reference_solution():
    """Decontamination compares reference solutions; a trace would match anything."""
    (row,) = shipped("messages")
    assert (row["question"], metadata(row)["solution"]) == ("Print n*n.", "print(1)")
    first = shipped("opencodereasoning")[0]
    assert first["difficulty"] == "hard"
    assert metadata(first)["solution"] == "```python\nprint(int(input())**2)\n```"


def test_openthoughts_turns_are_read(tmp_path):
    """There the keys are `from` and `value`, and the answer has marks of its own."""
    marked = "<|begin_of_thought|>hm<|end_of_thought|>\n\n<|begin_of_solution|>\n4\n<|end_of_solution|>"
    turns = [
        {"from": "system", "value": "x"},
        {"from": "user", "value": "2+2?"},
        {"from": "assistant", "value": marked},
    ]
    row = made(tmp_path, "messages", conversations=turns)
    assert (row["question"], metadata(row)["solution"]) == ("2+2?", "4")


def test_inputs_of_instructions_are_part_of_the_question():
    """Half of Code Alpaca makes no sense without them."""
    first, second = shipped("alpaca")
    assert first["question"].endswith("the numbers below.\n\n1, 2, 3")
    assert second["question"] == "Explain what a list is."


@pytest.mark.parametrize(
    ("solution", "reference"),
    [("2", "2"), (r"We add, so \boxed{2}.", "2"), ("First one shows that this is longer than an answer.", None)],
)
def test_short_solutions_of_s1k_are_tests(tmp_path, solution, reference):
    """A proof cannot be compared with what a model writes."""
    row = made(tmp_path, "s1k", question="1+1?", solution=solution)
    assert (row["tests"] or {}).get("reference") == reference
    assert metadata(row)["solution"] == solution
    if reference:
        assert check(row, r"\boxed{2}", SandboxConfig()).verdict == "passed"
        assert check(row, r"\boxed{3}", SandboxConfig()).verdict == "failed"


def test_a_placeholder_is_no_question(capsys):
    """OpenCodeReasoning writes `-` where the text lies in another set."""
    assert [row["question"] for row in shipped("opencodereasoning")] == ["Print n*n."]
    assert "1 of 2 rows cannot be used" in capsys.readouterr().out
