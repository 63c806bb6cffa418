"""Comparing a final answer with a problem's reference, by the rule its tests name."""

import ast
import json
import re
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from z1ray.errors import UserError
from z1ray.grading import sandbox
from z1ray.grading.answers import is_number, last_number
from z1ray.grading.config import SandboxConfig
from z1ray.records import Row

# Tasks of reasoning_gym 0.1.25 whose score_answer evaluates text as an expression.
EVALUATING_TASKS = frozenset(
    {
        "binary_matrix",
        "countdown",
        "intermediate_integration",
        "n_queens",
        "number_sorting",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    }
)

_PREFIX = "reasoning_gym:"
_SCORER = Path(__file__).with_name("score_entry.py").read_text(encoding="utf-8")
# Importing the package, from a cold disk, is no part of the answer's time; its libraries need room too.
_IMPORT_S = 30.0
_IMPORT_MIB = 1024
# What a scorer can stumble over in a malformed answer.
_MALFORMED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, SyntaxError, RecursionError)


def matches(problem: Row, answer: str, config: SandboxConfig) -> bool:
    """Whether an answer is right.

    Verifier ``reasoning_gym:<task>`` asks that task's own scorer for the full score; ``exact``
    or none compares texts without regard to case, spaces and enclosing brackets. An answer
    is reduced to its last number where the reference is a number.

    Raises:
        UserError: If the verifier is unknown.
    """
    reference, verifier = problem["tests"]["reference"], problem["tests"]["verifier"]
    if reference is not None and is_number(reference):
        answer = last_number(answer) or answer
    if verifier in {None, "exact"}:
        return _normal(answer) == _normal(reference)
    if not verifier.startswith(_PREFIX):
        raise UserError(
            f"problem {problem['problem_id']!r}: tests.verifier",
            verifier,
            "unknown verifier",
            "use exact or reasoning_gym:<task>, or leave it out",
        )
    task = verifier.removeprefix(_PREFIX)
    score = _sandboxed_score if task in EVALUATING_TASKS else _score
    return score(task, answer, json.loads(problem["metadata"])["entry"], config) >= 0.99


def _normal(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip().lower()
    return re.sub(r"^[(\[](.*)[)\]]$", r"\1", text)


@cache
def _dataset(task: str) -> Any:
    from reasoning_gym import create_dataset

    return create_dataset(task)


def _score(task: str, answer: str, entry: str, _: SandboxConfig) -> float:
    try:
        return float(_dataset(task).score_answer(answer, ast.literal_eval(entry)))
    except _MALFORMED:
        return 0.0


def _sandboxed_score(task: str, answer: str, entry: str, config: SandboxConfig) -> float:
    spec = find_spec("reasoning_gym")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parents[1]
    job = {"packages": [str(packages)], "task": task, "answer": answer, "entry": entry}
    limits = replace(config, timeout_s=config.timeout_s + _IMPORT_S, memory_mib=config.memory_mib + _IMPORT_MIB)
    outcome = sandbox.run(_SCORER, limits, stdin=json.dumps(job), packages=[packages])
    found = re.search(r"^score (\S+)$", outcome.stdout, re.MULTILINE)
    return float(found[1]) if found else 0.0
