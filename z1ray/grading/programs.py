"""From the code of an answer to the program the tests call."""

import ast
import json
from textwrap import dedent, indent

from z1ray.records import Row

# What Python raises for source it cannot take: wrong, with null bytes, or nested too deep.
_INVALID = (SyntaxError, ValueError, RecursionError, MemoryError)


def complete(problem: Row, code: str) -> str:
    """The answer's code, made whole where it only continues the problem's prompt.

    Code that defines the asked-for name stands as it is. Otherwise, if the problem has a
    prompt to complete (HumanEval), the code is taken as the body of its last function:
    first as written, then indented by four spaces.
    """
    name = problem["entry_point"]
    prompt = json.loads(problem["metadata"] or "{}").get("prompt")
    if name is None or prompt is None or _defines(code, name):
        return code
    for body in (code, indent(dedent(code), "    ")):
        whole = f"{prompt}{body}"
        if _compiles(whole):
            return whole
    return code


def _defines(code: str, name: str) -> bool:
    """Whether the module's top level binds ``name``; code that does not parse may (its error shows later)."""
    try:
        statements = ast.parse(code).body
    except _INVALID:
        return f"def {name}(" in code
    bound = {getattr(statement, "name", None) for statement in statements}
    for statement in statements:
        if isinstance(statement, ast.Assign):
            bound |= {target.id for target in statement.targets if isinstance(target, ast.Name)}
    return name in bound


def _compiles(code: str) -> bool:
    """Whether the code is a valid module; parsing alone would let a `return` outside any function pass."""
    try:
        compile(code, "answer", "exec", dont_inherit=True)
    except _INVALID:
        return False
    return True
