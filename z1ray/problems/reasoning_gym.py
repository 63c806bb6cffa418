"""Procedural reasoning tasks from the package reasoning-gym (Apache-2.0), each with its own verifier.

Tasks with a fault of the package's own are refused by name; see ``REFUSED_TASKS``.
"""

import ast
import dataclasses
import random
from collections.abc import Iterator
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem

INSTRUCTION = 'End with "Answer:" and then the final answer alone.'
_UNSTABLE = "it draws from sets of strings, so its problems differ from process to process and an id names no problem"
# Faults of reasoning_gym 0.1.25, each found by a test; a task that works again may be taken out.
REFUSED_TASKS = {
    "isomorphic_strings": _UNSTABLE,
    "list_functions": _UNSTABLE,
    "polynomial_multiplication": _UNSTABLE,
    "ransom_note": _UNSTABLE,
    "game_of_life_halting": "its scorer compares truth values of texts, so any answer at all is right",
    "puzzle24": "its scorer does not look at the numbers used, so one answer is right for every problem",
    "intermediate_integration": "some references leave the integral undone, so the question is right as its answer",
    "coin_flip": "its scorer takes a first digit for the whole, so 0 is right for almost every problem",
}


def read(source: SourceConfig) -> Iterator[Row]:
    """The first ``limit`` problems of the task under ``seed``, with the task's ``options``.

    Raises:
        UserError: If the package is not installed, the task is unknown or refused, or
            does not take these options.
    """
    assert source.task is not None
    assert source.limit is not None
    # The package makes item i from seed + i, so neighbouring seeds would share almost all items.
    spread = random.Random(source.seed).getrandbits(31)
    dataset = _dataset(source.task, spread, source.limit, source.options)
    for index in range(source.limit):
        yield _problem(dataset[index], index, source)


def _dataset(task: str, seed: int, size: int, options: dict[str, Any]) -> Any:
    try:
        import reasoning_gym
    except ImportError as error:
        raise UserError(
            "kind", "reasoning_gym", "the package is missing", "pip install reasoning-gym==0.1.25"
        ) from error
    from reasoning_gym.factory import DATASETS

    if task in REFUSED_TASKS:
        raise UserError("task", task, REFUSED_TASKS[task], "choose another task")
    # `composite` is no task but a mixture of others.
    if task not in DATASETS or task == "composite":
        known = sorted(set(DATASETS) - set(REFUSED_TASKS) - {"composite"})
        raise UserError("task", task, "reasoning_gym has no such task", f"use one of: {', '.join(known)}")
    try:
        return reasoning_gym.create_dataset(task, seed=seed, size=size, **options)
    except (TypeError, AssertionError) as error:
        # Its settings are dataclasses that check themselves with assertions.
        known = sorted({one.name for one in dataclasses.fields(DATASETS[task][1])} - {"seed", "size"})
        raise UserError("options", options, f"{task}: {error}", f"its options are: {', '.join(known)}") from error


def _problem(entry: dict[str, Any], index: int, source: SourceConfig) -> Row:
    """One entry as a row; the entry itself goes along as a Python literal, since JSON has no tuples."""
    literal = repr(_plain(entry))
    # What could not be read back would make every answer wrong.
    assert ast.literal_eval(literal)["answer"] == entry["answer"]
    return problem(
        problem_id=f"{source.label}/seed{source.seed}-{index}",
        source=source.label,
        question=f"{entry['question'].strip()}\n\n{INSTRUCTION}",
        tests={"kind": "reference", "reference": entry["answer"], "verifier": f"reasoning_gym:{source.task}"},
        metadata={"entry": literal},
    )


def _plain(value: Any) -> Any:
    """A value with NumPy's scalars and arrays as Python's own, and what has no literal as text."""
    if isinstance(value, dict):
        return {_plain(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set):
        return type(value)(_plain(one) for one in value)
    # NumPy's scalars are subclasses of str and float, so their type decides.
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return value if type(value) in {str, int, float, bool, bytes, complex, type(None)} else str(value)
