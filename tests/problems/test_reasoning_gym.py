"""Procedural tasks as rows."""

import ast
import json
import random
import re

import pytest
from reasoning_gym import create_dataset

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.reasoning_gym import INSTRUCTION, REFUSED_TASKS, read


def rows(task, limit=3, seed=0):
    return list(read(SourceConfig(kind="reasoning_gym", task=task, limit=limit, seed=seed)))


def test_seed_names_the_problems():
    """Evaluation over other problems than last time would not compare; over training's would not count.

    The package itself gives neighbouring seeds the same problems, moved by one.
    """
    first, again, other = rows("word_sorting", 20), rows("word_sorting", 20), rows("word_sorting", 20, seed=1)
    assert first == again
    assert not {row["question"] for row in first} & {row["question"] for row in other}
    assert [row["problem_id"] for row in first] == [f"word_sorting/seed0-{index}" for index in range(20)]
    assert all(row["question"].endswith(INSTRUCTION) for row in first)


@pytest.mark.parametrize("task", ["arc_agi", "graph_color", "zebra_puzzles", "countdown"])
def test_entry_survives_the_row(task):
    """The task's scorer needs its entry back with its tuples and integer keys, which JSON would lose."""
    entries = [ast.literal_eval(json.loads(row["metadata"])["entry"]) for row in rows(task, limit=2)]
    dataset = create_dataset(task, seed=random.Random(0).getrandbits(31), size=2)
    assert entries == [dataset[0], dataset[1]]


@pytest.mark.parametrize("task", ["knights_knaves", "gsm_symbolic", "codeio"])
def test_entries_with_other_types_can_be_read_back(task):
    """NumPy's scalars and fractions have no literal, and an entry that cannot be read makes every answer wrong."""
    for row in rows(task, limit=60):
        assert ast.literal_eval(json.loads(row["metadata"])["entry"])["answer"] == row["tests"]["reference"]


def test_unknown_task_lists_the_known_ones():
    """A typo should not need the package's documentation."""
    with pytest.raises(UserError, match="chain_sum"):
        rows("basic_arithmetics")


@pytest.mark.parametrize("task", sorted(REFUSED_TASKS))
def test_tasks_with_a_fault_of_the_package_are_refused(task):
    """A benchmark that takes any answer, or whose ids name no problem, measures nothing."""
    with pytest.raises(UserError) as refused:
        rows(task)
    assert task in str(refused.value)
    assert REFUSED_TASKS[task] in str(refused.value)


@pytest.mark.parametrize(
    ("task", "answer"), [("game_of_life_halting", "any answer"), ("puzzle24", "8*6/(1*2)"), ("coin_flip", "0")]
)
def test_refused_scorers_still_take_what_is_wrong(task, answer):
    """A fault that a newer package has repaired is no reason to refuse the task any longer."""
    dataset = create_dataset(task, seed=1, size=20)
    wrong = [entry for entry in dataset if entry["answer"] != answer]
    assert sum(dataset.score_answer(answer, entry) == 1 for entry in wrong) > len(wrong) / 2


def test_options_shape_the_task():
    """A small model needs small problems: two one-digit terms each."""
    options = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}
    found = list(read(SourceConfig(kind="reasoning_gym", task="chain_sum", limit=8, options=options)))
    assert len(found) == 8
    for row in found:
        assert re.search(r"\b\d [+-] \d\b", row["question"])
        assert not re.search(r"\d\d", row["question"])


@pytest.mark.parametrize("options", [{"max_term": 2}, {"min_terms": 5, "max_terms": 2}])
def test_options_the_task_does_not_take_are_refused(options):
    """The remedy lists those it has."""
    with pytest.raises(UserError, match="max_terms"):
        list(read(SourceConfig(kind="reasoning_gym", task="chain_sum", limit=8, options=options)))
