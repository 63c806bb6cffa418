"""Whether a text solves a problem."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from z1ray.errors import UserError
from z1ray.grading import livecodebench, packages, reference, running
from z1ray.grading.config import SandboxConfig
from z1ray.grading.extraction import HINTS, find_program
from z1ray.grading.programs import complete
from z1ray.grading.sandbox import Kind, noting
from z1ray.records import Row

GRADER_ERROR = "grader_error"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of one check.

    Attributes:
        passed: True or False; None if there was nothing to check against or no check came about.
        verdict: ``passed``; ``failed`` (a wrong result); ``error`` (an exception or crash);
            ``timeout``; ``memory``; ``early_exit`` (the code ended before its cases did);
            ``no_code`` or ``no_answer`` (the text has none); ``no_tests``; ``grader_error``
            (the check itself failed: the answer is neither right nor wrong; the log says why).
        answer: The code or final answer that was checked.
        sandbox: Where code was run for it; None if none was.
    """

    passed: bool | None
    verdict: str
    answer: str | None
    sandbox: Kind | None = None


def check(problem: Row, text: str, config: SandboxConfig, hints: Sequence[str] = HINTS) -> Verdict:
    """Check a model's text against a problem's tests; code runs in the sandbox only.

    Whatever goes wrong in checking is a verdict, so that one row never ends a stage.

    Args:
        problem: A Problem row.
        text: The model's whole response; see ``extraction`` for what code of it is run.
        config: Limits of each run.
        hints: Hints that may end its thinking, which is no part of the answer then.

    Raises:
        UserError: If the tests name an unknown verifier, need a library that ``config`` does not show them, or the
            sandbox that ``config`` requires is missing.
    """
    with noting() as kinds:
        try:
            verdict = _checked(problem, text, config, hints)
        except UserError:
            raise
        except Exception:  # noqa: BLE001 (any surprise is the verdict, and logged with the row)
            _log.exception("checking an answer to %s failed", problem["problem_id"])
            verdict = Verdict(None, GRADER_ERROR, None)
    # The last is the answer's; a run before it may have tried whether the sandbox works.
    return replace(verdict, sandbox=kinds[-1] if kinds else None)


def _checked(problem: Row, text: str, config: SandboxConfig, hints: Sequence[str]) -> Verdict:
    tests = problem["tests"]
    if tests is None:
        return Verdict(None, "no_tests", None)
    if tests["kind"] == "reference":
        return _check_reference(problem, text, config)
    packages.require(problem, config)
    if tests["kind"] == livecodebench.KIND:
        problem = livecodebench.ordinary(problem)
    code = find_program(problem, text, hints)
    if code is None:
        return Verdict(False, "no_code", None)
    verdict = _run(problem, code, config)
    return Verdict(None if verdict == GRADER_ERROR else verdict == "passed", verdict, code)


def _check_reference(problem: Row, text: str, config: SandboxConfig) -> Verdict:
    verdict, answer = reference.judge(problem, text, config)
    return Verdict(None if verdict == GRADER_ERROR else verdict == "passed", verdict, answer)


def _run(problem: Row, code: str, config: SandboxConfig) -> str:
    kind = problem["tests"]["kind"]
    if kind in {"python", "unittest"}:
        run = running.run_cases if kind == "python" else running.run_suite
        return run(problem, complete(problem, code), config)
    return running.compare_output(problem, code, config)
