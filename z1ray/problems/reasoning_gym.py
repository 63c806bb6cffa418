"""Procedural reasoning tasks from the package reasoning-gym (Apache-2.0), each with its own verifier.

Four tasks are refused: they draw from Python sets of strings, so the same seed gives
other problems in another process, and an id would not name one problem.
"""

import dataclasses
import random
from collections.abc import Iterator
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem

INSTRUCTION = 'End with "Answer:" and then the final answer alone.'
UNSTABLE_TASKS = frozenset({"isomorphic_strings", "list_functions", "polynomial_multiplication", "ransom_note"})


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

    if task in UNSTABLE_TASKS:
        raise UserError("task", task, "its problems differ from process to process", "choose another task")
    # `composite` is no task but a mixture of others.
    if task not in DATASETS or task == "composite":
        known = sorted(set(DATASETS) - UNSTABLE_TASKS - {"composite"})
        raise UserError("task", task, "reasoning_gym has no such task", f"use one of: {', '.join(known)}")
    try:
        return reasoning_gym.create_dataset(task, seed=seed, size=size, **options)
    except (TypeError, AssertionError) as error:
        # Its settings are dataclasses that check themselves with assertions.
        known = sorted({one.name for one in dataclasses.fields(DATASETS[task][1])} - {"seed", "size"})
        raise UserError("options", options, f"{task}: {error}", f"its options are: {', '.join(known)}") from error


def _problem(entry: dict[str, Any], index: int, source: SourceConfig) -> Row:
    """One entry as a row; the entry itself goes along as a Python literal, since JSON has no tuples."""
    return problem(
        problem_id=f"{source.label}/seed{source.seed}-{index}",
        source=source.label,
        question=f"{entry['question'].strip()}\n\n{INSTRUCTION}",
        tests={"kind": "reference", "reference": entry["answer"], "verifier": f"reasoning_gym:{source.task}"},
        metadata={"entry": repr(entry)},
    )
