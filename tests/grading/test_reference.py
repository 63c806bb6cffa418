"""Reference answers, by text and by reasoning_gym's own scorers."""

import inspect
import json
import re

import pytest
from reasoning_gym.factory import DATASETS

from z1ray.grading.config import SandboxConfig
from z1ray.grading.reference import EVALUATING_TASKS, matches
from z1ray.problems.config import SourceConfig
from z1ray.problems.reasoning_gym import read

LIMITS = SandboxConfig()
# These evaluate text only while making a problem, or parse it with a parser of their own.
_TRUSTED_TEXT = {"basic_arithmetic", "bitwise_arithmetic", "codeio", "propositional_logic"}


def first(task):
    return next(read(SourceConfig(kind="reasoning_gym", task=task, limit=1)))


@pytest.mark.parametrize(
    ("reference", "answer", "right"),
    [
        ("Paris", "paris", True),
        ("Paris", "Paris, France", False),
        ("(C)", "C", True),
        ("a  b", "a\nb", True),
        ("42", "it is 42", True),
        ("42", "1,042", False),
        ("1042", "1,042", True),
        ("1, 2", "2", False),
    ],
)
def test_exact(reference, answer, right):
    """Spelling differs, content must not."""
    problem = {"problem_id": "s/p", "tests": {"kind": "reference", "reference": reference, "verifier": "exact"}}
    assert matches(problem, answer, LIMITS) is right


@pytest.mark.parametrize("task", ["basic_arithmetic", "word_sorting", "arc_agi", "sudoku"])
def test_scorers_take_the_right_answer_only(task):
    """Scorers give part marks; pass@1 counts full ones."""
    problem = first(task)
    reference = problem["tests"]["reference"]
    assert matches(problem, reference, LIMITS)
    assert not matches(problem, "x", LIMITS)
    assert not matches(problem, "-7", LIMITS)


def test_several_right_answers():
    """Where a task has many solutions, its scorer decides, not the one on record."""
    problem = first("graph_color")
    assert problem["tests"]["reference"] is None
    assert not matches(problem, json.dumps({"0": 1}), LIMITS)


def test_scorers_that_evaluate_run_in_the_sandbox(tmp_path):
    """They would run a model's text as Python on the grading machine."""
    problem = first("countdown")
    target = tmp_path / "written"
    tmp_path.chmod(0o777)
    assert matches(problem, problem["tests"]["reference"], LIMITS) or "expression" in problem["question"]
    assert not matches(problem, f"open({str(target)!r}, 'w').write('x')", LIMITS)
    assert not target.exists()


def test_every_evaluating_scorer_is_known():
    """A new version of the package may add one; it must not be run outside."""
    evaluates = re.compile(r"(?<!def )\b(?:eval|exec|parse_expr|sympify)\(")
    modules = {name: inspect.getmodule(dataset) for name, (dataset, _) in DATASETS.items()}
    found = {name for name, module in modules.items() if module and evaluates.search(inspect.getsource(module))}
    assert found - _TRUSTED_TEXT == EVALUATING_TASKS
