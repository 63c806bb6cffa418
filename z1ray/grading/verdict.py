"""Whether a text solves a problem."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from z1ray.grading import reference, sandbox
from z1ray.grading.config import SandboxConfig
from z1ray.grading.extraction import HINTS, find_program
from z1ray.grading.programs import complete
from z1ray.records import Row

_RUN_CASES = Path(__file__).with_name("run_cases.py").read_text(encoding="utf-8")
# The site module, which provides these two, is not loaded in the sandbox.
_WITH_EXIT = (
    "import builtins, sys\nbuiltins.exit = builtins.quit = sys.exit\nexec(compile({code!r}, 'answer', 'exec'))\n"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check.

    Attributes:
        passed: True or False; None if there was nothing to check against.
        verdict: ``passed``; ``failed`` (a wrong result); ``error`` (an exception or crash);
            ``timeout``; ``memory``; ``early_exit`` (the code ended before its cases did);
            ``no_code`` or ``no_answer`` (the text has none); ``no_tests``.
        answer: The code or final answer that was checked.
    """

    passed: bool | None
    verdict: str
    answer: str | None


def check(problem: Row, text: str, config: SandboxConfig, hints: Sequence[str] = HINTS) -> Verdict:
    """Check a model's text against a problem's tests; code runs in the sandbox only.

    Args:
        problem: A Problem row.
        text: The model's whole response; see ``extraction`` for what code of it is run.
        config: Limits of each run.
        hints: Hints that may end its thinking, which is no part of the answer then.

    Raises:
        UserError: If the tests name an unknown verifier.
    """
    tests = problem["tests"]
    if tests is None:
        return Verdict(None, "no_tests", None)
    if tests["kind"] == "reference":
        return _check_reference(problem, text, config)
    code = find_program(problem, text, hints)
    if code is None:
        return Verdict(False, "no_code", None)
    verdict = _run_cases(problem, code, config) if tests["kind"] == "python" else _compare_output(tests, code, config)
    return Verdict(verdict == "passed", verdict, code)


def _check_reference(problem: Row, text: str, config: SandboxConfig) -> Verdict:
    verdict, answer = reference.judge(problem, text, config)
    return Verdict(None if verdict == "grader_error" else verdict == "passed", verdict, answer)


def _run_cases(problem: Row, code: str, config: SandboxConfig) -> str:
    """Setup, code and all cases in one process, which has passed only if it says so with our nonce."""
    tests, nonce = problem["tests"], secrets.token_hex(16)
    job = {"nonce": nonce, "setup": tests["setup"] or "", "code": complete(problem, code), "cases": tests["cases"]}
    outcome = sandbox.run(_RUN_CASES, config, stdin=json.dumps(job))
    if outcome.status == "timeout":
        return "timeout"
    for line in outcome.stdout.splitlines():
        if nonce in line:
            return str(json.loads(line)["verdict"])
    return "early_exit" if outcome.status == "ok" else outcome.status


def _compare_output(tests: Row, code: str, config: SandboxConfig) -> str:
    """One run per input, up to the first that differs; whitespace does not count."""
    program = _WITH_EXIT.format(code=code)
    for given, wanted in zip(tests["inputs"], tests["outputs"], strict=True):
        outcome = sandbox.run(program, config, stdin=given)
        if outcome.status != "ok":
            return outcome.status
        if outcome.stdout.split() != wanted.split():
            return "failed"
    return "passed"
