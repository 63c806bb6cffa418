"""MATH500 and AIME, and what counts as their answers."""

import pytest

from tests.problems.benchmarks.rows import load, published, shipped, written
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check

POLAR = {"problem": "Which?", "answer": "\\left( 3, \\frac{\\pi}{2} \\right)", "unique_id": "test/x/1.json"}


def verdict(row, answer):
    return check(row, f"So it is \\boxed{{{answer}}}.", SandboxConfig()).verdict


def test_a_row_is_question_answer_and_level():
    """The five levels become the three difficulties that sources are filtered by."""
    rows, records = shipped("math500", "math500"), published("math500")
    assert set(rows) == {record["unique_id"] for record in records}
    for record in records:
        row = rows[record["unique_id"]]
        assert row["question"].startswith(record["problem"])
        assert row["tests"]["reference"] == record["answer"]
        assert row["difficulty"] == {1: "easy", 2: "easy", 3: "medium", 4: "hard", 5: "hard"}[record["level"]]


def test_published_answers_pass():
    """An answer that says the reference is right, whatever it looks like."""
    assert {verdict(row, row["tests"]["reference"]) for row in shipped("math500", "math500").values()} == {"passed"}


@pytest.mark.parametrize(
    ("answer", "reference", "expected"),
    [
        ("(3, \\pi/2)", POLAR["answer"], "passed"),
        ("(\\frac{\\pi}{2}, 3)", POLAR["answer"], "failed"),
        ("2.0", "2", "passed"),
        ("\\dfrac{1}{2}", "0.5", "passed"),
        ("0.333", "\\frac{1}{3}", "failed"),
        ("x = 5", "5", "passed"),
        ("1,000", "1000", "passed"),
        ("90", "90^\\circ", "passed"),
    ],
)
def test_answers_are_compared_as_mathematics(tmp_path, answer, reference, expected):
    """Where math-verify and plain comparison of text differ, it is the value that counts."""
    (row,) = load(written(tmp_path, [POLAR | {"answer": reference}]), "math500").values()
    assert verdict(row, answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [("73", "passed"), ("073", "passed"), ("73.0", "passed"), ("\\frac{146}{2}", "failed"), ("74", "failed")],
)
def test_aime_answers_are_integers(tmp_path, answer, expected):
    """The examination's rule: three digits, nothing to be worked out."""
    (row,) = load(written(tmp_path, [{"id": 60, "problem": "How many?", "answer": "073"}]), "aime").values()
    assert verdict(row, answer) == expected


def test_an_aime_problem_has_one_id_in_every_copy(tmp_path):
    """Copies without ids, in another order, must not name other problems; numbers or text are one answer."""
    records = [{"problem": f"What is {number}?", "answer": number} for number in range(3)]
    first = load(written(tmp_path, records), "aime")
    again = load(written(tmp_path, [record | {"answer": str(record["answer"])} for record in records[::-1]]), "aime")
    assert first == again


@pytest.mark.parametrize(
    ("layout", "change", "told"),
    [
        ("aime", {"answer": "1000"}, r"row 2: answer = '1000'.*0 to 999"),
        ("aime", {"answer": "1/2"}, r"row 2: answer"),
        ("aime", {"problem": " "}, r"row 2: problem.*is empty"),
        ("math500", {"level": 6}, r"row 2: level = 6"),
        ("math500", {"answer": None}, r"row 2: answer.*is missing"),
        ("math500", {"unique_id": None}, r"row 2: unique_id"),
    ],
)
def test_bad_rows_are_refused_by_name(tmp_path, layout, change, told):
    """A benchmark with a hole in it must not run."""
    good = {"problem": "How many?", "answer": "7", "unique_id": "a", "level": 1, "id": "a"}
    path = written(tmp_path, [good, {**good, "unique_id": "b", "id": "b", **change}])
    with pytest.raises(UserError) as caught:
        load(path, layout)
    assert caught.match(f"(?s){told}")
