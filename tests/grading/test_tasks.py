"""reasoning_gym's tasks: each accepts its own reference, however a model frames it, and nothing else."""

import ast
import functools
import inspect
import json
import re

import pytest
from reasoning_gym.factory import DATASETS

from z1ray.grading.answers import judging
from z1ray.grading.config import SandboxConfig
from z1ray.grading.tasks import EVALUATING_TASKS, candidates, is_expression, passes
from z1ray.problems.config import SourceConfig
from z1ray.problems.reasoning_gym import REFUSED_TASKS, read

LIMITS = SandboxConfig(timeout_s=120)
TASKS = sorted(set(DATASETS) - set(REFUSED_TASKS) - {"composite"})
# These take long to make or to score.
_SLOW = {"arc_agi", "futoshiki", "knight_swap", "quantum_lock", "sokoban", "zebra_puzzles", "intermediate_integration"}
# Tasks with many solutions, and where their entries keep one; two keep none.
_EXAMPLES = {
    "graph_color": "possible_answer",
    "propositional_logic": "example_answer",
    "rubiks_cube": "example_correct_answer",
}
_WITHOUT = {"boxnet", "rush_hour"}
# These evaluate text only while making a problem, or parse it with a parser of their own.
_TRUSTED_TEXT = {"basic_arithmetic", "bitwise_arithmetic", "codeio", "propositional_logic"}
# Three of each frame.
NUM_PROBLEMS = 21
FRAMES = (
    "Answer: {}",
    "I think a bit.\n\nAnswer:\n{}",
    "So we are done.\n\n**Answer:** {}",
    "Answer:\n```\n{}\n```",
    "First, 1 and 2.\nAnswer: {}\n\nI hope this helps!",
    "**Final Answer:**\n\n{}\n",
    "Is it 5?\n\nI overthought it, the final answer should be:\n\n{}",
)


@functools.cache
def problems(task, limit):
    """Made once, as several tests look at the same."""
    return list(read(SourceConfig(kind="reasoning_gym", task=task, limit=limit)))


def own_answer(problem, task):
    if problem["tests"]["reference"] is not None:
        return problem["tests"]["reference"]
    entry = ast.literal_eval(json.loads(problem["metadata"])["entry"])
    kept = entry["metadata"][_EXAMPLES[task]]
    return kept if isinstance(kept, str) else json.dumps(kept)


def scored(problem, task, text):
    """The task's score without the sandbox, which only text of a model needs."""
    found = candidates(text, problem["tests"]["reference"])
    job = {"rule": task, "answers": found, "entry": json.loads(problem["metadata"])["entry"]}
    return judging.score(job, LIMITS) if found else 0.0


@pytest.mark.parametrize("task", sorted(set(TASKS) - _WITHOUT))
def test_every_task_accepts_its_own_reference(task):
    """A task that refuses it gives no model a chance; grids, sentences and JSON must survive extraction whole."""
    for index, problem in enumerate(problems(task, 5 if task in _SLOW else NUM_PROBLEMS)):
        text = FRAMES[index % len(FRAMES)].format(own_answer(problem, task))
        assert scored(problem, task, text) > 1 - 1e-9, text


@pytest.mark.parametrize("task", TASKS)
def test_no_task_accepts_anything(task):
    """A scorer that takes what is no answer at all makes every model right."""
    for problem in problems(task, 2):
        for wrong in ("zzz", "I do not know.", "-98765", "[]"):
            assert scored(problem, task, f"Answer: {wrong}") < 1


def test_evaluating_tasks_are_scored_in_the_sandbox():
    """What keeps programs out must let answers in."""
    problem = problems("countdown", 1)[0]
    assert passes(problem, f"Answer: {problem['tests']['reference']}", LIMITS) == (True, problem["tests"]["reference"])
    assert not passes(problem, "Answer: 1 + 1", LIMITS)[0]


@pytest.mark.parametrize("task", sorted(EVALUATING_TASKS - set(REFUSED_TASKS)))
def test_references_of_evaluating_tasks_are_expressions(task):
    """What keeps programs out must let every right answer in."""
    assert all(is_expression(problem["tests"]["reference"]) for problem in problems(task, NUM_PROBLEMS))


@pytest.mark.parametrize(
    "answer",
    [
        "open('written', 'w').write('x')",
        "print('score 1.0')",
        "__import__('os').system('true')",
        "(lambda: 1)()",
        "().__class__",
        "exec('1')",
        "[print('score 1.0') for x in '1']",
    ],
)
def test_a_program_is_no_expression(answer):
    """Evaluated beside its scorer, a program could tell a score of its own, so it is not even run."""
    assert not is_expression(answer)
    assert not passes(problems("countdown", 1)[0], f"Answer:\n```\n{answer}\n```", LIMITS)[0]


@pytest.mark.parametrize(
    ("reference", "text", "found"),
    [
        ("42", "Answer: 42 apples", True),
        ("42", "Answer: $42", True),
        ("1042", "Answer: 1,042", True),
        ("42", r"Answer: \boxed{42}", True),
        ("42", "Answer: 42 or 43", False),
        ("42", "Answer: 10^{42}", False),
        ("42", "Answer: 1,042", False),
        ("a b.", "Answer: a b.", True),
        ("a b", "Answer: **a b**", True),
        ('{"a": 1}', 'Answer:\n```json\n{"a": 1}\n```\n\nDone.', True),
        ("1 2\n3 4", "Answer:\n1 2\n3 4\nThis is the grid.", False),
        ("1 2", "Answer: 1 2\n3 4", False),
        ("1 2\n  \n3 4", "Answer: 1 2\n  \n3 4\n\nI hope so.", True),
    ],
)
def test_candidates(reference, text, found):
    """An answer is read whole: neither a row of a grid nor one number of several."""
    assert (reference in candidates(text, reference)) is found


def test_every_evaluating_scorer_is_known():
    """A new version of the package may add one; it must not be run outside."""
    evaluates = re.compile(r"(?<!def )\b(?:eval|exec|parse_expr|sympify)\(")
    modules = {name: inspect.getmodule(dataset) for name, (dataset, _) in DATASETS.items()}
    found = {name for name, module in modules.items() if module and evaluates.search(inspect.getsource(module))}
    assert found - _TRUSTED_TEXT == EVALUATING_TASKS
