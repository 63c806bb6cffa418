"""MBPP: short tasks with three assertions each; and MBPP+ as the hub has it.

Austin et al., "Program Synthesis with Large Language Models", arXiv 2108.07732; columns ``task_id``, ``text``
(``prompt`` in the sanitized part: map it with ``columns``), ``test_list`` and ``test_setup_code`` or
``test_imports``, as google-research-datasets/mbpp has them; its split ``test`` is the benchmark. As in the paper, the
question shows the assertions, which alone tell the function's name.

evalplus/mbppplus adds the column ``test``, one program with all of its cases, which needs NumPy.
"""

from z1ray.problems.benchmarks.layout import of_table
from z1ray.problems.benchmarks.values import optional_text, own_id, text, texts, value
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.imports import libraries
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
        metadata={"libraries": libraries(setup, more)},
    )


MBPP = of_table(
    Fields(
        ("task_id", "text", "test_list", "test_setup_code", "test_imports", "test"), ("task_id", "text", "test_list")
    ),
    _mbpp,
)
