"""Generated programs: what they print is what their terms come to, and splits share no terms."""

import contextlib
import io
import random

import pytest

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.problems.programs import NUM_TERMS, draw_terms, program, split_of


def source(**settings) -> SourceConfig:
    return SourceConfig(kind="programs", **{"limit": 300, **settings})


def terms_of(text: str) -> tuple[int, ...]:
    """The terms of a program, read back from its lines."""
    first, *updates, _ = text.splitlines()
    signed = ((1 if "+=" in line else -1) * int(line.split()[-1]) for line in updates)
    return (int(first.split()[-1]), *signed)


@pytest.mark.parametrize("num_terms", [1, 2, 8])
def test_a_program_prints_the_sum_of_its_terms(num_terms):
    terms = draw_terms(random.Random(num_terms), num_terms)
    text = program("count", terms)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(text, {})
    assert printed.getvalue() == f"{sum(terms)}\n"
    assert terms_of(text) == tuple(terms)


def test_the_same_source_gives_the_same_programs_each_once():
    rows = load_problems([source()])
    assert rows == load_problems([source()])
    assert len({row["question"] for row in rows}) == 300
    assert {row["question"] for row in rows} != {row["question"] for row in load_problems([source(seed=1)])}


def test_train_and_test_share_no_program():
    texts = {
        split: {row["tests"]["reference"] for row in load_problems([source(split=split, difficulty=["easy"])])}
        for split in ("train", "test")
    }
    assert not texts["train"] & texts["test"]
    assert {split_of(text) for text in texts["test"]} == {"test"}


@pytest.mark.parametrize("difficulty", list(NUM_TERMS))
def test_difficulty_is_the_number_of_terms(difficulty):
    rows = load_problems([source(difficulty=[difficulty])])
    assert {row["difficulty"] for row in rows} == {difficulty}
    fewest, most = NUM_TERMS[difficulty]
    assert {len(terms_of(row["tests"]["reference"])) for row in rows} == set(range(fewest, most + 1))


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("total = 3\ntotal = 3 + 4 = 7\nAnswer: 7", "passed"),
        ("Answer: 7", "passed"),
        ("total = 3\n\nI overthought it, the final answer should be:\n\nAnswer: 7", "passed"),
        ("Answer: 8", "failed"),
        ("Answer: 17", "failed"),
        ("", "no_answer"),
    ],
)
def test_an_answer_is_checked_by_running_the_program(text, verdict):
    problem = {**load_problems([source(limit=1)])[0]}
    problem["tests"] = {**problem["tests"], "reference": program("total", [3, 4])}
    assert check(problem, text, SandboxConfig(require=False)).verdict == verdict


def test_a_source_of_programs_is_refused_without_a_limit_or_with_an_unknown_split():
    with pytest.raises(UserError, match="limit"):
        SourceConfig(kind="programs")
    with pytest.raises(UserError, match="validation"):
        load_problems([source(split="validation")])
    with pytest.raises(UserError, match="hardly more different programs"):
        load_problems([source(limit=10**7, difficulty=["easy"])])
