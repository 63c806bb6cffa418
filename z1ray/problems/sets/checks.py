"""Published tests as z1ray's: inputs and outputs of programs, and calls of a named function.

A call gets its arguments and must return the wanted value; tuples count as lists and keys of dictionaries as text,
since what is published is JSON. As in APPS' own rule a result may be published in a list of its own: ``[3]`` for 3.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from z1ray.grading.livecodebench import PRELUDE
from z1ray.grading.programs import SOLUTION
from z1ray.records import Row

UNREADABLE = "unreadable_tests"
"""Key of a row's metadata under which it stands why its tests could not be read."""

_CALL = """
def _z1ray_plain(value):
    if isinstance(value, dict):
        return {str(key): _z1ray_plain(one) for key, one in value.items()}
    return [_z1ray_plain(one) for one in value] if isinstance(value, (list, tuple)) else value

def _z1ray_call(function, given, wanted):
    result, wanted = _z1ray_plain(function(*json.loads(given))), json.loads(wanted)
    assert result == wanted or (isinstance(wanted, list) and len(wanted) == 1 and result == wanted[0])
"""


class TestsError(Exception):
    """Published tests that cannot be run."""

    __test__ = False


class Checks(NamedTuple):
    """The tests of a problem.

    Attributes:
        tests: As a Problem row has them; None if there are none.
        entry_point: The function or class that they call; None if the answer is a program.
        function: The name of the function or method that they call.
        unreadable: Why there are tests that could not be read.
    """

    tests: Row | None = None
    entry_point: str | None = None
    function: str | None = None
    unreadable: str | None = None


def readable(read: Callable[[], Checks]) -> Checks:
    """What ``read`` returns; no tests, and why, if it raises TestsError."""
    try:
        return read()
    except TestsError as error:
        return Checks(unreadable=str(error)[:200])


def loaded(value: Any) -> Any:
    """What a text of JSON says; another value as it is, and None for an empty one.

    Raises:
        TestsError: If a text is no JSON.
    """
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value) if value.strip() else None
    except (ValueError, RecursionError) as error:
        raise TestsError(f"no JSON: {error}") from error


def of_pairs(inputs: Any, outputs: Any, function: str | None, starter: str) -> Checks:
    """Tests of as many inputs as outputs.

    Args:
        inputs: What a program reads (a text or its lines), or a function's arguments (a list, or JSON a line each).
        outputs: What it prints or returns.
        function: The function; None for a program.
        starter: Code that the answer completes; tells whether the function is a method of ``Solution``.

    Raises:
        TestsError: If they are no such lists.
    """
    if not isinstance(inputs, list) or not isinstance(outputs, list) or len(inputs) != len(outputs):
        raise TestsError("inputs and outputs are no two lists of one length")
    if not inputs:
        return Checks()
    return _of_function(inputs, outputs, function, starter) if function else _of_program(inputs, outputs)


def _of_program(inputs: Sequence[Any], outputs: Sequence[Any]) -> Checks:
    given, wanted = list(map(_lines, inputs)), list(map(_lines, outputs))
    return Checks({"kind": "stdio", "inputs": given, "outputs": wanted})


def _of_function(inputs: Sequence[Any], outputs: Sequence[Any], function: str, starter: str) -> Checks:
    if not function.isidentifier():
        raise TestsError(f"{function!r} is no name of a function")
    is_method = f"class {SOLUTION}" in starter
    called = f"{SOLUTION}().{function}" if is_method else function
    cases = [
        f"_z1ray_call({called}, {json.dumps(_arguments(given))!r}, {json.dumps(_result(given, wanted))!r})"
        for given, wanted in zip(inputs, outputs, strict=True)
    ]
    tests = {"kind": "python", "setup": PRELUDE + _CALL, "cases": cases}
    return Checks(tests, SOLUTION if is_method else function, function)


def _lines(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "\n".join(value)
    if not isinstance(value, str):
        raise TestsError(f"what a program reads or prints is no text but {type(value).__name__}")
    return value


def _arguments(given: Any) -> list[Any]:
    if isinstance(given, str):
        return [loaded(line) for line in given.splitlines() if line.strip()]
    if not isinstance(given, list):
        raise TestsError(f"a function's arguments are no list but {type(given).__name__}")
    return given


def _result(given: Any, wanted: Any) -> Any:
    """Written as the arguments are: JSON in a text, or the value itself."""
    return loaded(wanted) if isinstance(given, str) else wanted
