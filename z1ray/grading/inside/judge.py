"""First program inside the sandbox: runs an answer in a process of its own and judges it.

The answer's process is forked before anything worth stealing has been read: the cases, the
wanted output and the nonce stay in the pipe on standard input until then, and the answer's
process closes its end. It belongs to another user where there is one to give (we are root),
and this process lets nobody of its own user look into it. Two lines go to standard output:
``started``, and the nonce with the verdict.
"""

from __future__ import annotations

import _signal
import builtins
import marshal
import os
import sys
import types

from z1ray.grading.inside import answer, output, watch

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from typing import Any


class BrokenTests(Exception):
    """The problem's own setup or cases do not work."""


def main() -> None:
    """Judge the job on standard input."""
    job = _next()
    report = job["report"] = os.dup(1)
    if job["answer_uid"] < 0:
        watch.let_look(False)
    sys.path.extend(job["packages"])
    for name in job["modules"]:
        try:  # noqa: SIM105 (contextlib would cost more than the run)
            __import__(name)
        except Exception:  # noqa: BLE001 (the answer's own import will say why)
            pass
    os.write(report, b"started\n")
    try:
        verdict = {"stdio": _programs, "python": _cases, "unittest": _suite}[job["kind"]](job)
    except watch.Over as over:
        verdict = str(over)
    watch.stop()
    os.write(report, f"{_last()} {verdict}\n".encode())
    os._exit(0)


def _next(begun: bytes = b"") -> Any:
    """The next part of the job, and not a byte more."""
    size = int.from_bytes(begun + _read(8 - len(begun)), "big")
    return marshal.loads(_read(size))


def _last() -> Any:
    """The last part of the job."""
    part = _next()
    while more := os.read(0, 1):
        part = _next(more)
    return part


def _read(size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = os.read(0, size - len(data))
        if not part:
            raise EOFError("the job ends early")
        data += part
    return data


def _fork(job: dict[str, Any]) -> int:
    """A process for the answer, as its own user: 0 there, its id here."""
    pid = os.fork()
    if pid == 0:
        watch.stop()
        os.setsid()
        os.close(job["report"])
        watch.become(job["answer_uid"])
        if any(name in job["code"] for name in ("/dev/", "/proc/")):
            watch.let_look(True)
    return pid


def _programs(job: dict[str, Any]) -> str:
    """One process per input, up to the first that does not give its output."""
    left_s = job["total_timeout_s"]
    for _ in range(job["num_inputs"]):
        given, taken = output.scratch(), output.scratch()
        os.write(given, _next())
        os.lseek(given, 0, os.SEEK_SET)
        pid = _fork(job)
        if pid == 0:
            answer.run(given, taken, job)
            raise SystemExit
        wanted = _next()
        spent_s, status = watch.wait(pid, min(job["timeout_s"], left_s), job["memory_bytes"])
        left_s -= spent_s
        if status != 0:
            return "memory" if status in {answer.MEMORY, -_signal.SIGKILL} else "error"
        if not _is_right(output.content(taken), wanted, job):
            return "failed"
        os.close(given)
        os.close(taken)
    return "passed"


def _is_right(text: str, wanted: str, job: dict[str, Any]) -> bool:
    return output.same_lines(text, wanted) if job["livecodebench"] else output.same(text, wanted, job["tolerance"])


def _suite(job: dict[str, Any]) -> str:
    """The answer's code and the problem's unittest class in one process."""
    from z1ray.grading.inside import suite  # the others are not to wait for it

    incoming, outgoing = os.pipe()
    os.set_blocking(incoming, False)
    pid = _fork(job)
    if pid == 0:
        os.close(incoming)
        suite.run(outgoing, job)
    os.close(outgoing)
    _, status = watch.wait(pid, job["timeout_s"], job["memory_bytes"])
    try:
        said = os.read(incoming, 64).decode()
    except BlockingIOError:  # a process that the answer left behind holds the other end
        said = ""
    return said or {0: "early_exit", answer.MEMORY: "memory", -_signal.SIGKILL: "memory"}.get(status, "error")


def _cases(job: dict[str, Any]) -> str:
    """The answer's code in its process, the cases in this one."""
    from z1ray.grading.inside import remote  # a program without cases is not to wait for it

    (questions, to_answer), (from_answer, answers) = os.pipe(), os.pipe()
    pid = _fork(job)
    if pid == 0:
        os.close(to_answer)
        os.close(from_answer)
        answer.serve(questions, answers, job["setup"], job["code"])
    os.close(questions)
    os.close(answers)
    watch.become(job["judge_uid"])
    os.dup2(2, 1)
    cases = _next()
    watch.start(pid, job["timeout_s"], job["memory_bytes"])
    try:
        return _asserted((from_answer, to_answer), job, cases, pid)
    except BrokenTests as error:
        print(error.__cause__, file=sys.stderr)
        return "grader_error"
    except AssertionError:
        return "failed"
    except MemoryError:
        return "memory"
    except SystemExit:
        return "early_exit"
    except remote.Closed:
        return {0: "early_exit", -_signal.SIGKILL: "memory"}.get(watch.ended(pid), "error")
    except watch.Over:
        raise
    except BaseException:  # noqa: BLE001 (whatever else the answer raises, or sends)
        return "error"


def _asserted(pipes: tuple[int, int], job: dict[str, Any], cases: list[str], pid: int) -> str:
    from z1ray.grading.inside import remote

    module = sys.modules[answer.NAME] = types.ModuleType(answer.NAME)
    namespace = module.__dict__
    try:
        exec(compile(job["setup"], "setup", "exec", dont_inherit=True), namespace)
        compiled = [compile(case, "case", "exec", dont_inherit=True) for case in cases]
    except Exception as error:
        raise BrokenTests from error
    peer = remote.Peer(*pipes, answer.own_classes(namespace), _do)
    used = set().union(*map(_names, compiled))
    # What Python itself and the setup provide is never taken from the answer, but for what it was asked to define.
    wanted = used - ({*namespace, *vars(builtins), *sys.stdlib_module_names} - {job["entry_point"]})
    namespace.update({name: __import__(name) for name in (used & sys.stdlib_module_names) - {*namespace, *wanted}})
    found, errors = peer.ask("begin", None, sorted(wanted))
    for name, bases in errors.items():
        kinds = (getattr(builtins, base, None) for base in bases)
        base = next(kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseException))
        found[name] = peer.exceptions[name] = type(name, (base,), {})
    namespace.update({name: found[name] for name in wanted if name in found})
    for case in compiled:
        if job["livecodebench"]:
            watch.start(pid, job["timeout_s"], job["memory_bytes"])
        exec(case, namespace)
    return "passed"


def _names(code: types.CodeType) -> set[str]:
    """Names that a case looks up."""
    inner = (part for part in code.co_consts if isinstance(part, types.CodeType))
    return set(code.co_names).union(*map(_names, inner))


def _do(operation: str, target: Any, arguments: list[Any]) -> Any:
    """What the answer may do with an object of the tests that it was given: call it, iterate over it, read it."""
    if operation == "call" and callable(target):
        given, named, back = arguments
        return (target(*given, **named), *((*given, *named.values()) if back else ()))
    if operation in {"iter", "next"}:
        return iter(target) if operation == "iter" else next(target)
    if operation == "getattr" and type(target).__module__ == answer.NAME and not arguments[0].startswith("_"):
        return getattr(target, arguments[0])
    raise TypeError(f"{operation} of an object of the tests")
