"""Running an answer's code against a problem's tests: what goes to the judge in the sandbox, what comes back."""

import atexit
import marshal
import math
import py_compile
import re
import secrets
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from z1ray.errors import UserError
from z1ray.grading import bubblewrap, livecodebench, packages, sandbox, turns
from z1ray.grading.config import SandboxConfig
from z1ray.grading.inside.output import same
from z1ray.grading.processes import Outcome
from z1ray.records import TESTS, Row

_INSIDE = Path(__file__).with_name("inside")
_PACKAGE = ("z1ray", "grading", "inside")
_START = "import sys; sys.path.insert(0, {folder!r}); from z1ray.grading.inside.judge import main; main()"
_SUITE_S = 240.0  # BigCodeBench's own limit
_GRACE_S = 10.0  # to start the sandbox, and for the judge to notice that time is over
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import|import[ \t]+([\w., \t]+))", re.MULTILINE)
# Modules that do something visible, or heavy and useless, when imported.
_NOT_EARLY = {"antigravity", "this", "turtle", "tkinter", "idlelib", "test", "__main__"}
_TOLERANCE = "tolerance:"
_MOST_PRINTED = 4096
# What programs print, as found by this process, by program and limits.
_PRINTED: dict[tuple[str, str], str] = {}


def run_cases(problem: Row, code: str, config: SandboxConfig) -> str:
    """The verdict of a problem's assertions."""
    tests = problem["tests"]
    official = tests["verifier"] == livecodebench.KIND
    job = {
        "kind": "python",
        "setup": tests["setup"] or "",
        "code": code,
        "entry_point": problem["entry_point"],
        "livecodebench": official,
    }
    limits = livecodebench.limits(config, len(tests["cases"])) if official else config
    return _judged(job, [tests["cases"]], limits)


def run_suite(problem: Row, code: str, config: SandboxConfig) -> str:
    """The verdict of a problem's unittest class."""
    tests = problem["tests"]
    job = {"kind": "unittest", "setup": tests["setup"] or "", "code": code, "test": "\n".join(tests["cases"])}
    return _judged(job, [], replace(config, timeout_s=max(config.timeout_s, _SUITE_S)))


def compare_output(problem: Row, code: str, config: SandboxConfig) -> str:
    """The verdict of a program's output for each input, in order, up to the first that is wrong.

    Raises:
        UserError: If the tests name a tolerance that is no number.
    """
    tests = problem["tests"]
    official = tests["verifier"] == livecodebench.KIND
    job = {
        "kind": "stdio",
        "setup": tests["setup"] or "",
        "code": code,
        "num_inputs": len(tests["inputs"]),
        "tolerance": None if official else _tolerance(problem),
        "livecodebench": official,
    }
    pairs = zip(tests["inputs"], tests["outputs"], strict=True)
    limits = livecodebench.limits(config, len(tests["inputs"])) if official else config
    return _judged(job, [part for given, wanted in pairs for part in (given.encode(), wanted)], limits)


def prints(program: str, output: str, config: SandboxConfig) -> str:
    """The verdict on ``output`` as what a program without input prints.

    It prints the same each time, so once an output was right no other answer to it needs a run.
    """
    key = program, repr(config)
    if key in _PRINTED:
        return "passed" if same(output, _PRINTED[key], None) else "failed"
    tests = dict.fromkeys(TESTS.names) | {"kind": "stdio", "inputs": [""], "outputs": [output]}
    verdict = compare_output({"tests": tests}, program, config)
    if verdict == "passed":
        if len(_PRINTED) == _MOST_PRINTED:
            del _PRINTED[next(iter(_PRINTED))]
        _PRINTED[key] = output
    return verdict


def _judged(job: Row, secret: list[Any], config: SandboxConfig) -> str:
    """A verdict; a run that lost time to others is done once more with nobody beside it."""
    with turns.shared():
        verdict = _once(job, secret, config)
    if verdict == "starved":
        with turns.alone():
            verdict = _once(job, secret, config)
    return "timeout" if verdict == "starved" else verdict


def _once(job: Row, secret: list[Any], config: SandboxConfig) -> str:
    kind, nonce = sandbox.kind(config.require), secrets.token_hex(16)
    strong = kind == "bubblewrap"
    answer_uid, judge_uid = (bubblewrap.throwaway_uid() if strong else -1 for _ in range(2))
    open_part = {
        **job,
        "modules": _modules(job["setup"], job["code"], job.get("test", "")),
        "packages": packages.search_path(config.packages, inside=strong),
        "answer_uid": answer_uid,
        "judge_uid": judge_uid,
        "timeout_s": config.timeout_s,
        "total_timeout_s": config.total_timeout_s,
        # Without namespaces all processes of the machine would be counted.
        "memory_bytes": config.memory_mib * 2**20 if strong else 0,
    }
    longest = config.total_timeout_s if job["kind"] == "stdio" or job.get("livecodebench") else config.timeout_s
    outcome = sandbox.execute(
        _programs(),
        sandbox.python("-c", _START.format(folder=sandbox.PROGRAM if strong else str(_programs()))),
        config,
        kind,
        stdin=b"".join(map(_framed, [open_part, *secret, nonce])),
        limit_s=longest + _GRACE_S,
        uid=answer_uid,
    )
    return _verdict(outcome, nonce)


def _verdict(outcome: Outcome, nonce: str) -> str:
    """What the judge said; an answer may have ended it, but only after it started."""
    lines = outcome.stdout.splitlines()
    for line in lines:
        if line.startswith(f"{nonce} "):
            return line.removeprefix(f"{nonce} ")
    if outcome.status in {"timeout", "memory"}:
        return outcome.status
    if "started" not in lines:
        raise sandbox.SandboxError(f"the judge did not start: {outcome.stderr.strip()[-500:]}")
    if outcome.stderr.strip():
        raise sandbox.SandboxError(f"the judge failed: {outcome.stderr.strip()[-500:]}")
    return "error"


def _framed(part: Any) -> bytes:
    data = marshal.dumps(part)
    return len(data).to_bytes(8, "big") + data


def _modules(*sources: str) -> list[str]:
    """Modules of the standard library that the sources import: the judge does so once for both processes."""
    found = (name for source in sources for match in _IMPORT.finditer(source) for name in _listed(match))
    return [name for name in dict.fromkeys(found) if _early(name.partition(".")[0])]


def _listed(match: re.Match[str]) -> Iterable[str]:
    return [match[1]] if match[1] else [part.split()[0] for part in match[2].split(",") if part.split()]


def _early(module: str) -> bool:
    return module in sys.stdlib_module_names and module not in _NOT_EARLY


def _tolerance(problem: Row) -> float | None:
    verifier = problem["tests"].get("verifier")
    if verifier in {None, "exact"}:
        return None
    try:
        tolerance = float(verifier.removeprefix(_TOLERANCE)) if verifier.startswith(_TOLERANCE) else -1
    except ValueError:
        tolerance = -1
    if not (math.isfinite(tolerance) and tolerance >= 0):
        raise UserError(
            f"problem {problem['problem_id']!r}: tests.verifier",
            verifier,
            "output is not compared that way",
            "use exact or tolerance:<number>, e.g. tolerance:1e-6, or leave it out",
        )
    return tolerance


@cache
def _programs() -> Path:
    """A folder with the programs that run inside, compiled: reading source would cost more than running it."""
    folder = Path(tempfile.mkdtemp(prefix="z1ray-inside-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    for depth in range(1, len(_PACKAGE) + 1):
        inner = folder.joinpath(*_PACKAGE[:depth])
        inner.mkdir()
        (inner / "__init__.py").touch()
        py_compile.compile(str(inner / "__init__.py"), cfile=str(inner / "__init__.pyc"), doraise=True)
        (inner / "__init__.py").unlink()
    for source in _INSIDE.glob("*.py"):
        if source.name != "__init__.py":
            py_compile.compile(str(source), cfile=str(inner / f"{source.stem}.pyc"), doraise=True, optimize=2)
    return folder
