"""LiveCodeBench's tests: unpacked, and as its own rule runs them.

Source: LiveCodeBench/LiveCodeBench ``lcb_runner/evaluation/testing_util.py``. A program's output is compared line by
line (``inside/output.py``); a method gets its arguments as JSON, one a line, and its result must equal the wanted one,
a tuple counting as a list. 6 seconds a case; the names of a few modules are in scope; recursion may be 50,000 deep.

Private tests are published as base64 of zlib of a pickle of JSON. The pickle is read by a reader
that knows no class and no function, so a hostile file can make nothing but plain data.
"""

import base64
import binascii
import io
import json
import pickle
import zlib
from dataclasses import replace
from typing import Any, NamedTuple

from z1ray.grading.config import SandboxConfig
from z1ray.records import Row

KIND = "livecodebench"

_CASE_S = 6.0
# What the official runner adds for the whole problem, beside a second per case.
_EXTRA_S = 5.0

_STARRED = [
    *("string", "re", "datetime", "collections", "heapq", "bisect", "copy", "math", "random", "statistics"),
    *("itertools", "functools", "operator", "io", "sys", "json"),
]
PRELUDE = "\n".join(
    [
        *(f"from {name} import *" for name in [*_STARRED, "builtins", "typing"]),
        *(f"import {name}" for name in _STARRED),
        "sys.setrecursionlimit(50_000)\n",
    ]
)
_CHECK = """
def _z1ray_check(method, given, wanted):
    result = method(*[json.loads(line) for line in given.split("\\n")])
    assert (list(result) if isinstance(result, tuple) else result) == json.loads(wanted)
"""


class LiveCodeBenchError(Exception):
    """Tests that are not in the published form."""


class Case(NamedTuple):
    """One test: what goes in, what must come out, and whether that is a method's or a program's."""

    given: str
    wanted: str
    functional: bool


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise LiveCodeBenchError(f"the pickle asks for {module}.{name}; tests are plain data")


def unpack(packed: str) -> list[Case]:
    """The cases in a column of tests: JSON, or base64 of zlib of a pickle of JSON.

    Raises:
        LiveCodeBenchError: If it is neither.
    """
    try:
        plain = packed if packed.lstrip().startswith("[") else _unpickled(packed)
        return [Case(str(one["input"]), str(one["output"]), one["testtype"] == "functional") for one in _listed(plain)]
    except (ValueError, KeyError, TypeError) as error:
        raise LiveCodeBenchError(f"no list of tests: {error!r}") from error


def _unpickled(packed: str) -> Any:
    try:
        return _PlainUnpickler(io.BytesIO(zlib.decompress(base64.b64decode(packed, validate=True)))).load()
    except (binascii.Error, zlib.error, pickle.UnpicklingError, EOFError, AttributeError, IndexError) as error:
        raise LiveCodeBenchError(f"no base64 of zlib of a pickle: {error!r}") from error


def _listed(plain: Any) -> list[Any]:
    found = json.loads(plain)
    if not isinstance(found, list):
        raise TypeError(f"a {type(found).__name__}")
    return found


def ordinary(problem: Row) -> Row:
    """The problem with its tests unpacked, as those of a program or of a class ``Solution``."""
    cases = [case for packed in problem["tests"]["cases"] for case in unpack(packed)]
    function = json.loads(problem["metadata"])["function"]
    blank = dict.fromkeys(problem["tests"]) | {"verifier": KIND, "setup": PRELUDE}
    if function is None:
        given, wanted = [case.given for case in cases], [case.wanted for case in cases]
        return {**problem, "tests": blank | {"kind": "stdio", "inputs": given, "outputs": wanted}}
    calls = [f"_z1ray_check(_z1ray_solution.{function}, {case.given!r}, {case.wanted!r})" for case in cases]
    # One object for all cases, as officially: what a wrong answer leaves in it may spoil the next.
    cases_text = ["_z1ray_solution = Solution()", *calls]
    return {**problem, "tests": blank | {"kind": "python", "setup": PRELUDE + _CHECK, "cases": cases_text}}


def limits(config: SandboxConfig, num_cases: int) -> SandboxConfig:
    """The official limits, those of memory left as they are."""
    return replace(config, timeout_s=_CASE_S, total_timeout_s=(_CASE_S + 1) * num_cases + _EXTRA_S)
