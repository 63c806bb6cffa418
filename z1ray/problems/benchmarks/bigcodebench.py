"""BigCodeBench (and its hard part), instruct: tasks that call libraries, with unittest classes.

Zhuo et al., "BigCodeBench", arXiv 2406.15877; columns ``task_id``, ``instruct_prompt``, ``code_prompt``, ``test``,
``entry_point``, as bigcode/bigcodebench-hard has them (its splits are versions, e.g. ``v0.1.4``).

As in its own evaluation the answer runs after ``code_prompt``, whose imports it may leave out, and in one module with
the class ``TestCases``. Which libraries that needs stands in the row's metadata.
"""

from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.imports import libraries
from z1ray.problems.layout import of_table
from z1ray.problems.values import own_id, text
from z1ray.records import Row, problem

_FIELDS = ("task_id", "instruct_prompt", "code_prompt", "test", "entry_point")


def _bigcodebench(record: Record, source: SourceConfig) -> Row:
    stub = f"{text(record, 'code_prompt').rstrip()}\n    pass\n"
    tests = text(record, "test")
    return problem(
        problem_id=f"{source.label}/{own_id(record, 'task_id').removeprefix('BigCodeBench/')}",
        source=source.label,
        question=text(record, "instruct_prompt").strip(),
        tests={"kind": "unittest", "setup": stub, "cases": [tests]},
        entry_point=text(record, "entry_point"),
        metadata={"libraries": libraries(stub, tests)},
    )


BIGCODEBENCH = of_table(Fields(_FIELDS, _FIELDS), _bigcodebench)
