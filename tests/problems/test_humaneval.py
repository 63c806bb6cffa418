"""HumanEval's rows against its own reference solutions."""

import gzip
import json
from textwrap import dedent

import pytest

from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems.config import SourceConfig
from z1ray.problems.humaneval import _file, read

ROWS = {row["problem_id"]: row for row in read(SourceConfig(kind="humaneval"))}
# 10, 38 and 50 define helpers before the function asked for, which their tests call; 115 imports inside.
SAMPLE = (0, 10, 38, 50, 115)


def entry(number):
    with gzip.open(_file(), "rt") as lines:
        return next(found for line in lines if (found := json.loads(line))["task_id"] == f"HumanEval/{number}")


def verdict(number, code):
    return check(ROWS[f"humaneval/{number}"], f"```python\n{code}\n```", SandboxConfig()).verdict


def test_all_problems_are_there():
    """164 is the benchmark's size; a figure over fewer would not compare."""
    assert len(ROWS) == 164
    assert all(row["entry_point"] in row["question"] for row in ROWS.values())


@pytest.mark.parametrize("number", SAMPLE)
def test_reference_solution_passes_in_every_shape(number):
    """Models answer with the whole file, the function alone, or only its body; all are the same answer."""
    found = entry(number)
    prompt, body = found["prompt"], found["canonical_solution"]
    function = prompt[prompt.rindex(f"def {found['entry_point']}(") :] + body
    shapes = [prompt + body, function, body, dedent(body)]
    assert [verdict(number, shape) for shape in shapes] == ["passed"] * 4


@pytest.mark.parametrize("number", SAMPLE)
def test_an_empty_function_does_not_pass(number):
    """The prompt alone is a valid program; its tests must still say no."""
    assert verdict(number, entry(number)["prompt"] + "    pass") in {"failed", "error"}
