"""KodCode, HumanEval-X and LeetCodeDataset: functions and classes to write, with tests in Python.

KodCode (Xu et al., arXiv 2503.02951; KodCode/KodCode-V1): ``question``, ``solution``, ``test`` (a pytest module that
imports the answer from ``solution``), ``test_info`` with the functions' declarations, ``gpt_difficulty``.

HumanEval-X (Zheng et al., "CodeGeeX", arXiv 2303.17568), its Python part: ``task_id``, ``prompt``,
``canonical_solution``, ``test``, which ends with the call of its check.

LeetCodeDataset (Xia et al., arXiv 2504.14655; newfacade/LeetCodeDataset): ``task_id``, ``problem_description``,
``starter_code``, ``prompt`` (the imports and classes in scope), ``completion``, ``entry_point``
(``Solution().twoSum``), ``test`` with a function ``check``, ``difficulty``.
"""

import re
from collections.abc import Sequence
from typing import Any

from z1ray.problems.benchmarks.evalplus import INSTRUCTION as COMPLETE_FUNCTION
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.difficulty import level, noted
from z1ray.problems.humaneval import before
from z1ray.problems.imports import libraries
from z1ray.problems.layout import of_table
from z1ray.problems.sets.checks import Checks, readable
from z1ray.problems.sets.pytests import STAND_IN, answer_names, cases
from z1ray.problems.sets.questions import first_solution
from z1ray.problems.sets.rows import made
from z1ray.problems.values import optional_text, own_id, refused, statement, text, value
from z1ray.records import Row, problem

_FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)


def _kodcode(record: Record, source: SourceConfig) -> Row:
    given = value(record, "gpt_difficulty") or value(record, "difficulty")
    module = optional_text(record, "test")
    names = answer_names(module)
    checks = readable(lambda: _of_module(module, names))
    return made(
        record,
        source,
        name="question_id",
        statement=statement(record, "question"),
        starter=_declarations(value(record, "test_info"), names),
        checks=checks,
        solution=first_solution(value(record, "solution")),
        difficulty=level(given),
        metadata=noted(given) | {"libraries": libraries(*checks.tests["cases"][:1] if checks.tests else ())},
    )


def _of_module(module: str, names: Sequence[str]) -> Checks:
    tests = {"kind": "python", "setup": STAND_IN, "cases": cases(module)} if module else None
    return Checks(tests, names[0] if len(names) == 1 else None)


def _declarations(about: Any, names: Sequence[str]) -> str:
    """The heads of the functions, as published; else a stub of each name that the tests import."""
    listed = [one for one in about if isinstance(one, dict)] if isinstance(about, list) else []
    heads = [str(one["function_declaration"]).rstrip() for one in listed if one.get("function_declaration")]
    heads = heads or [f"class {name}:" if name[0].isupper() else f"def {name}(...):" for name in names]
    return "\n\n".join(f"{head}\n    ..." for head in heads)


def _humanevalx(record: Record, source: SourceConfig) -> Row:
    task, prompt = own_id(record, "task_id"), text(record, "prompt")
    functions = _FUNCTION.findall(prompt)
    if not task.startswith("Python/") or not functions:
        raise refused(record, "task_id", task, "it is no problem of the Python part")
    return problem(
        problem_id=f"{source.label}/{task.removeprefix('Python/')}",
        source=source.label,
        question=f"{COMPLETE_FUNCTION}\n\n```python\n{prompt.strip()}\n```",
        tests={
            "kind": "python",
            "setup": before(prompt, functions[-1]),
            "cases": [text(record, "test")],
        },
        entry_point=functions[-1],
        metadata={"prompt": prompt, "solution": f"{prompt}{optional_text(record, 'canonical_solution')}"},
    )


def _leetcode(record: Record, source: SourceConfig) -> Row:
    called, given = text(record, "entry_point"), value(record, "difficulty")
    tests = {
        "kind": "python",
        "setup": optional_text(record, "prompt"),
        "cases": [text(record, "test"), f"check({called})"],
    }
    return made(
        record,
        source,
        name="task_id",
        statement=statement(record, "problem_description"),
        starter=text(record, "starter_code"),
        checks=Checks(tests, called.partition("(")[0].partition(".")[0]),
        solution=first_solution(value(record, "completion")),
        difficulty=level(given),
        metadata=noted(given),
    )


KODCODE = of_table(
    Fields(
        ("question_id", "question", "solution", "test", "test_info", "gpt_difficulty", "difficulty"),
        ("question", "test"),
    ),
    _kodcode,
)
HUMANEVALX = of_table(Fields(("task_id", "prompt", "canonical_solution", "test"), ("prompt", "test")), _humanevalx)
_LEETCODE = ("problem_description", "starter_code", "entry_point", "test")
LEETCODE = of_table(Fields(("task_id", *_LEETCODE, "prompt", "completion", "difficulty"), _LEETCODE), _leetcode)
