"""MBPP: short tasks with three assertions each; and MBPP+ as the hub has it.

Austin et al., "Program Synthesis with Large Language Models", arXiv 2108.07732; columns ``task_id``, ``text``
(``prompt`` in the sanitized part: map it with ``columns``), ``test_list`` and ``test_setup_code`` or
``test_imports``, as google-research-datasets/mbpp has them; its split ``test`` is the benchmark. As in the paper, the
question shows the assertions, which alone tell the function's name.

The solution in ``code`` tells which of the names in the assertions is the answer's: it may be that of a builtin.

evalplus/mbppplus adds the column ``test``, one program with all of its cases, which needs NumPy.
"""

import ast

from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.imports import libraries
from z1ray.problems.layout import of_table
from z1ray.problems.values import optional_text, own_id, text, texts, value
from z1ray.records import Row, problem

INSTRUCTION = "Write the Python function, imports included, in a ```python block. It must pass these tests:"


def _mbpp(record: Record, source: SourceConfig) -> Row:
    assertions, more = texts(record, "test_list"), optional_text(record, "test")
    setup = "\n".join([*(value(record, "test_imports") or []), optional_text(record, "test_setup_code")]).strip()
    shown = "\n".join(assertions)
    return problem(
        problem_id=f"{source.label}/{own_id(record, 'task_id')}",
        source=source.label,
        question=f"{text(record, 'text').strip()}\n\n{INSTRUCTION}\n\n```python\n{shown}\n```",
        tests={"kind": "python", "setup": setup, "cases": [*assertions, *([more] if more else [])]},
        entry_point=_entry_point(optional_text(record, "code"), assertions[0]),
        metadata={"libraries": libraries(setup, more)},
    )


def _entry_point(code: str, assertion: str) -> str | None:
    """The last function of the solution that the assertion names; None without a solution that has one."""
    try:
        body, test = ast.parse(code).body, ast.parse(assertion)
    except SyntaxError:
        return None
    named = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    return next(
        (node.name for node in reversed(body) if isinstance(node, ast.FunctionDef) and node.name in named), None
    )


MBPP = of_table(
    Fields(
        ("task_id", "text", "code", "test_list", "test_setup_code", "test_imports", "test"),
        ("task_id", "text", "test_list"),
    ),
    _mbpp,
)
