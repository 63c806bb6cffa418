"""What a model is asked: the published statement, and the form of the answer that its tests need."""

import json
from typing import Any

from z1ray.grading.programs import SOLUTION
from z1ray.problems.benchmarks.livecodebench import INSTRUCTIONS
from z1ray.problems.sets.checks import Checks

PROGRAM, COMPLETE = INSTRUCTIONS
FUNCTION = "Write the Python function below, imports included, in a ```python block:"


def question(statement: str, starter: str, checks: Checks) -> str:
    """The statement, and the code to complete or the name of the function that is called."""
    statement, starter = statement.strip(), starter.rstrip()
    if not starter and checks.function is None:
        reads_input = checks.tests is not None and checks.tests["kind"] == "stdio"
        return f"{statement}\n\n{PROGRAM}" if reads_input else statement
    instruction = COMPLETE if starter else FUNCTION
    return f"{statement}\n\n{instruction}\n\n```python\n{_code(starter, checks)}\n```"


def _code(starter: str, checks: Checks) -> str:
    """The starter code, with the function that is called if it does not name it."""
    name = checks.function
    if name is None or f"def {name}" in starter:
        return starter
    stub = f"def {name}(...):\n    ..."
    if checks.entry_point == SOLUTION:
        return f"{starter}\n    # called: {SOLUTION}().{name}"
    return f"{starter}\n\n{stub}".lstrip()


def first_solution(found: Any) -> str | None:
    """One reference solution: a text, the first of a list, or the first of a list written as JSON; None without one."""
    if isinstance(found, str) and found.lstrip().startswith("["):
        try:
            found = json.loads(found)
        except ValueError:  # code may begin with a bracket, too
            return str(found)
    listed: list[Any] = found if isinstance(found, list) else [found]
    return next((one for one in listed if isinstance(one, str) and one.strip()), None)
