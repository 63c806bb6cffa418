"""GPQA's options: where the right one stands. The questions here are made up, as its authors ask."""

from collections import Counter

import pytest

from tests.problems.benchmarks.rows import load, written
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check


def made(number):
    wrong = {f"Incorrect Answer {index}": f"wrong {index} of {number}" for index in (1, 2, 3)}
    return {
        "Record ID": f"rec{number}",
        "Question": f"Which {number}?\n",
        "Correct Answer": f"right {number}\n",
        **wrong,
    }


# Orders that a published figure was measured with must not change.
PINNED = {"rec0": "B", "rec1": "B", "rec2": "A", "rec3": "B", "rec4": "A"}
RECORDS = [made(number) for number in range(400)]


def letters(path, **settings):
    return {name: row["tests"]["reference"] for name, row in load(path, "gpqa", **settings).items()}


def test_every_letter_is_right_equally_often(tmp_path):
    """A model that always says A must score a quarter (100 of 400; 3.5 standard deviations are 30)."""
    counts = Counter(letters(written(tmp_path, RECORDS)).values())
    assert set(counts) == set("ABCD")
    assert all(70 <= count <= 130 for count in counts.values()), counts


def test_wrong_options_are_mixed_too(tmp_path):
    """The three that follow the right one in the file must not stay in their order."""
    orders: Counter[tuple[str, ...]] = Counter()
    for row in load(written(tmp_path, RECORDS), "gpqa").values():
        options = [line[3:10] for line in row["question"].splitlines() if line[1:3] == ") "]
        orders[tuple(option for option in options if option.startswith("wrong"))] += 1
    assert len(orders) == 6
    assert min(orders.values()) >= 30, orders


def test_an_order_depends_on_seed_and_id_alone(tmp_path):
    """Another choice of rows, or a resumed run, asks the same question; another seed does not."""
    whole = letters(written(tmp_path, RECORDS))
    assert letters(written(tmp_path, RECORDS[::-3])).items() <= whole.items()
    assert {name: whole[name] for name in ("rec0", "rec1", "rec2", "rec3", "rec4")} == PINNED
    assert letters(written(tmp_path, RECORDS), seed=1) != whole


def test_the_letter_names_the_right_option(tmp_path):
    """The question shows every option once, and the reference is the right one's letter."""
    for number, row in enumerate(load(written(tmp_path, RECORDS[:8]), "gpqa").values()):
        shown = dict(line.split(") ", 1) for line in row["question"].splitlines() if line[1:3] == ") ")
        assert list(shown) == list("ABCD")
        assert len(set(shown.values())) == 4
        assert shown[row["tests"]["reference"]] == f"right {number}"
        assert row["question"].startswith(f"Which {number}?\n\nA) ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Answer: {right}", "passed"),
        ("**Answer:** ({right})", "passed"),
        ("answer: {right_small}", "passed"),
        ("\\boxed{{{right}}}", "passed"),
        ("Answer: {wrong}", "failed"),
        # simple-evals takes the first "Answer: X"; the last is what the model ends with.
        ("Answer: {wrong}. No, wait.\nAnswer: {right}", "passed"),
        ("Answer: {right} or {wrong}", "no_answer"),
        ("I do not know.", "no_answer"),
    ],
)
def test_verdicts(tmp_path, text, expected):
    """What counts as having chosen, where simple-evals' pattern and ours differ too."""
    (row,) = load(written(tmp_path, RECORDS[:1]), "gpqa").values()
    right = row["tests"]["reference"]
    wrong = "A" if right != "A" else "B"
    said = text.format(right=right, right_small=right.lower(), wrong=wrong)
    assert check(row, said, SandboxConfig()).verdict == expected


def test_an_option_that_is_right_and_wrong_is_refused(tmp_path):
    """Two options of the same text, one of them right, cannot be graded."""
    with pytest.raises(UserError, match="a wrong option is the same"):
        load(written(tmp_path, [made(1) | {"Incorrect Answer 2": "right 1"}]), "gpqa")
    with pytest.raises(UserError, match=r"columns\.Incorrect Answer 3"):
        load(written(tmp_path, [{name: value for name, value in made(1).items() if name[-1] != "3"}]), "gpqa")
