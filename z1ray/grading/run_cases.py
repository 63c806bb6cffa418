"""Program inside the sandbox: an answer's code against its cases. Standard library only.

Reads a job from stdin: ``nonce``, ``setup``, ``code`` and ``cases``. Writes one line to
stdout, a JSON object with the nonce and the ``verdict``: passed, failed, error, memory or
early_exit. The answer's own output goes to stderr, and the nonce has left stdin before the
answer starts, so neither printing nor ending early passes for success.
"""

import builtins
import json
import os
import sys
import types
from typing import Any


def main() -> None:
    """Grade the job on stdin, report, and end without running anything the answer left behind."""
    job = json.load(sys.stdin)
    nonce = job.pop("nonce")
    report = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    verdict = grade(**job)
    report.write(json.dumps({"nonce": nonce, "verdict": verdict}) + "\n")
    report.flush()
    os._exit(0)


def grade(setup: str, code: str, cases: list[str]) -> str:
    """Run setup, code and cases in one namespace, as a module that is not ``__main__``."""
    # The site module, which provides these two, is not loaded here.
    builtins.__dict__.update(exit=sys.exit, quit=sys.exit)
    module: Any = types.ModuleType("answer")
    # Dataclasses and pickling look a class's module up by name.
    sys.modules["answer"] = module
    try:
        for name, source in (("setup", setup), ("answer", code)):
            exec(compile(source, name, "exec", dont_inherit=True), module.__dict__)
    except BaseException as error:  # noqa: BLE001 (whatever untrusted code raises is its verdict)
        return _name(error)
    try:
        for case in cases:
            exec(compile(case, "case", "exec", dont_inherit=True), module.__dict__)
    except AssertionError:
        return "failed"
    except BaseException as error:  # noqa: BLE001
        return _name(error)
    return "passed"


def _name(error: BaseException) -> str:
    if isinstance(error, MemoryError):
        return "memory"
    return "early_exit" if isinstance(error, SystemExit) else "error"


if __name__ == "__main__":
    main()
