"""Votes over samples, and how many fit into a number of tokens."""

import pytest

from tests.evaluation.rows import graded
from z1ray.evaluation.methods.names import UNCAPPED
from z1ray.evaluation.statistics.lines import Line, lines
from z1ray.evaluation.statistics.majority import majority, votes_that_fit
from z1ray.evaluation.statistics.votes import are_programs, vote


def uncapped(*answers: str, right: str = "7", tokens: int = 10) -> Line:
    """One problem with a sample for each answer."""
    rows = [
        graded(
            method=UNCAPPED,
            thinking_budget=-1,
            sample=sample,
            answer=answer,
            correct=answer == right,
            thinking_tokens=tokens,
            hint_tokens=0,
            answer_tokens=0,
        )
        for sample, answer in enumerate(answers)
    ]
    (line,) = lines(rows)
    return line


@pytest.mark.parametrize(
    ("answers", "place"),
    [
        (["8", "7", "7"], 1),
        (["8", "7", "7", "8"], 0),
        (["9", "7", "8", "8", "7"], 1),
        ([None, None, "7"], 2),
        ([None], None),
    ],
)
def test_vote(answers, place):
    """The most frequent wins; a tie goes to the answer given first, every time; no answer does not vote."""
    assert vote(answers) == place


def test_samples_vote_in_groups():
    """Two votes of three samples, the seventh left over; each is paid for by all of its samples."""
    found = majority(uncapped("7", "7", "8", "8", "7", "8", "7"), 3)
    assert found is not None
    assert found.answers.tolist() == [[["7", "8"]]]
    assert found.correct.tolist() == [[[1, 0]]]
    assert found.generated.tolist() == [[[30, 30]]]


def test_how_many_samples_fit():
    """At equal tokens a vote never spends more than what it is compared with."""
    line = uncapped("7", "7", "8")
    assert [votes_that_fit(tokens, line) for tokens in (9.9, 10, 29, 30, 1000)] == [0, 1, 2, 3, 3]


def test_programs_cannot_be_voted_on():
    """Two that do the same differ in a name; a number, a formula or a letter is none."""
    code = ["def f(x):\n    return x", "import math\nprint(math.pi)", None]
    assert are_programs(code)
    assert not are_programs(["7", "\\begin{pmatrix} 1 \\\\ 2 \\end{pmatrix}", "x = 5\ny = 6", None])
    assert majority(uncapped(*["def f(x):\n    return x"] * 4), 2) is None
