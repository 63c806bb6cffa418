"""The answer's side of a run that unittest judges: code and tests in one module, in one process.

The tests of BigCodeBench put objects of their own in the place of what the code calls (``unittest.mock.patch``), so
they must share its interpreter. An answer that looks for the tests there finds them, and could write a verdict of its
own: as in BigCodeBench's own runner, this tells how well a model does, not whether it is honest.
"""

from __future__ import annotations

import os
import sys

from z1ray.grading.inside import answer

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from typing import Any, NoReturn

_MODULE = "__test__"
_CLASS = "TestCases"


def run(outgoing: int, job: dict[str, Any]) -> NoReturn:
    """Run setup, code and tests, write the verdict, and end."""
    import unittest

    answer.streams(os.open(os.devnull, os.O_RDWR), os.open(os.devnull, os.O_RDWR))
    module = answer.module(_MODULE)
    # What BigCodeBench's runner puts in scope.
    module.__dict__.update(__file__=f"{_MODULE}.py", sys=sys, os=os, environ=os.environ)
    result = unittest.TestResult()
    try:
        for name in ("setup", "code", "test"):
            exec(compile(job[name], f"{_MODULE}.py", "exec", dont_inherit=True), module.__dict__)
        unittest.defaultTestLoader.loadTestsFromTestCase(getattr(module, _CLASS)).run(result)
        verdict = "error" if result.errors else "failed" if result.failures or not result.testsRun else "passed"
    except MemoryError:
        os._exit(answer.MEMORY)
    except SystemExit:
        os._exit(0)
    except BaseException:  # noqa: BLE001 (whatever the code raises)
        verdict = "error"
    os.write(outgoing, verdict.encode())
    os._exit(0)
