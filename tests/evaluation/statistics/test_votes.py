"""A vote is one answer of its problem, at the cost of all its samples."""

from typing import Any

from tests.evaluation.rows import graded
from z1ray.evaluation.curve import curve
from z1ray.evaluation.methods.names import MAJORITY
from z1ray.evaluation.statistics.lines import lines
from z1ray.evaluation.statistics.votes import voted
from z1ray.records import Row


def samples(*answers: str | None, **given: Any) -> list[Row]:
    """Samples of a vote; "7" is right."""
    own = {"method": MAJORITY, "cut": False, "hint_tokens": 0, "answer_tokens": 0, **given}
    return [
        graded(**own, sample=number, answer=answer, correct=answer == "7", text=f"{number}: {answer}")
        for number, answer in enumerate(answers)
    ]


def test_the_most_frequent_answer_wins() -> None:
    """It is told by the first sample that gave it, and costs what all did."""
    (row,) = voted(samples("3", None, "7", "7", None, None))
    assert (row["answer"], row["correct"], row["text"]) == ("7", True, "2: 7")
    assert (row["sample"], row["thinking_tokens"]) == (0, 6 * 8)


def test_a_tie_goes_to_the_answer_that_came_first() -> None:
    """Whatever the order of the rows is; no answer at all is a wrong one."""
    (row,) = voted(reversed(samples("3", "7", "7", "3")))
    assert row["answer"] == "3"
    (row,) = voted(samples(None, None))
    assert (row["answer"], row["correct"]) == (None, False)


def test_votes_have_points_beside_other_methods() -> None:
    """Problems have votes of different sizes, and yet each counts once."""
    rows = [
        *samples("7", "3", "7", problem_id="p"),
        *samples("3", problem_id="q"),
        *(graded(problem_id=name, method="two_pass") for name in "pq"),
    ]
    points = {point.method: point for point in curve(rows, 0.95)}
    assert points.keys() == {MAJORITY, "two_pass"}
    assert (points[MAJORITY].accuracy, points[MAJORITY].num_samples) == (0.5, 2)
    assert points[MAJORITY].mean_generated_tokens == (3 * 8 + 8) / 2
    assert [line.correct.shape for line in lines(rows)] == [(1, 2, 1), (1, 2, 1)]


def test_programs_have_no_votes() -> None:
    """No two samples agree word for word: the first would win every vote, at the cost of all."""
    rows = samples("def f():\n    return 1", "def f():\n    x = 1\n    return x", benchmark="code")
    assert voted([*rows, *samples("7")]) == voted(samples("7"))
