"""Running untrusted Python.

With bubblewrap, a run has no network, sees no file but the system's libraries and the
interpreter (read-only) and an empty ``/tmp`` of 64 MiB, sees no process but its own, and
gets an empty environment. Address space, CPU time, file size, open files and the number of
processes are limited; the wall-clock limit ends the whole tree; output is cut at 8 MiB.

It does **not** cover: faults of the kernel itself; the sum of memory over a run's processes
(each has its own limit, and there are at most 16); and a program that picks apart the
interpreter it shares with the tests (frames, garbage collector) to forge their result.

Where bubblewrap is missing or may not create namespaces, a run is a plain subprocess in a
session of its own, with an empty environment, an empty working folder and the same limits.
It can then read the user's files, use the network, leave its session, and as root start
processes without limit. That is logged once, as a warning.
"""

import contextlib
import logging
import math
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Literal

from z1ray.grading import bubblewrap
from z1ray.grading.config import SandboxConfig

Kind = Literal["bubblewrap", "limited"]
Status = Literal["ok", "error", "timeout", "memory"]

OUTPUT_BYTES = 8 * 2**20
MAX_PROCESSES = 16

_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}
_CONFINE = Path(__file__).with_name("confine.py").read_text(encoding="utf-8")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run.

    Attributes:
        status: ``ok`` for exit status 0; ``memory`` if it ended for want of memory;
            ``timeout``; ``error`` for everything else.
        stdout, stderr: What it wrote, each at most ``OUTPUT_BYTES``.
    """

    status: Status
    stdout: str
    stderr: str


@cache
def kind() -> Kind:
    """The sandbox this machine offers; warns, once per process, if it is the weak one."""
    reason = _unusable()
    if reason is None:
        return "bubblewrap"
    _log.warning(
        "UNTRUSTED CODE RUNS WITHOUT A SANDBOX: %s. It can read this user's files, use the network and leave "
        "processes behind; only time, memory and output are limited. To protect this machine: %s.",
        reason,
        bubblewrap.INSTALL,
    )
    return "limited"


def run(source: str, config: SandboxConfig, *, stdin: str = "", packages: Sequence[Path] = ()) -> Outcome:
    """Run a Python program (standard library only) to its end or to its limits.

    Args:
        source: The program's text.
        config: Time and memory limits.
        stdin: What it reads.
        packages: Folders of packages it may read; it must put them on ``sys.path`` itself.
    """
    return _run(source, config, kind(), stdin, packages)


def _unusable() -> str | None:
    """Why bubblewrap cannot be used here, found out by using it; None if it works."""
    if shutil.which("bwrap") is None:
        return "bwrap is not installed"
    outcome = _run("print('ready')", SandboxConfig(timeout_s=60), "bubblewrap", "", ())
    return None if outcome.stdout == "ready\n" else f"bwrap does not work ({outcome.stderr.strip()[-200:]})"


def _run(source: str, config: SandboxConfig, kind: Kind, stdin: str, packages: Sequence[Path]) -> Outcome:
    with tempfile.TemporaryDirectory(prefix="z1ray-sandbox-") as name:
        folder = Path(name)
        program = folder / "program.py"
        program.write_text(source, encoding="utf-8", errors="replace")
        program.chmod(0o644)
        with (folder / "stdout").open("w+b") as stdout, (folder / "stderr").open("w+b") as stderr:
            command = _command(program, config, kind, packages)
            returncode = _execute(command, stdin, (stdout, stderr), folder, config.timeout_s)
            texts = [_captured(file) for file in (stdout, stderr)]
    return Outcome(_status(returncode, texts[1]), *texts)


def _command(program: Path, config: SandboxConfig, kind: Kind, packages: Sequence[Path]) -> list[str]:
    if kind == "bubblewrap":
        words, inside, uid = bubblewrap.command(program, packages), bubblewrap.PROGRAM, bubblewrap.throwaway_uid()
    else:
        words, inside, uid = [], str(program), -1
    # One second more than the wall clock allows: it ends what has left the session in the weak sandbox.
    cpu_s = math.ceil(config.timeout_s) + 1
    limits = (uid, config.memory_mib * 2**20, cpu_s, OUTPUT_BYTES, MAX_PROCESSES)
    python = [bubblewrap.interpreter(), "-I", "-S", "-c", _CONFINE]
    return [*words, *python, *(str(limit) for limit in limits), inside]


def _execute(
    command: list[str], stdin: str, outputs: tuple[IO[bytes], IO[bytes]], cwd: Path, limit_s: float
) -> int | None:
    """The exit status, or None if the time ran out. No process of the run's session outlives it."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=outputs[0],
        stderr=outputs[1],
        env=_ENVIRONMENT,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        process.communicate(stdin.encode("utf-8", errors="replace"), timeout=limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # The leader has been waited for only if it ended by itself; its group may still hold others.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode


def _captured(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(OUTPUT_BYTES).decode("utf-8", errors="replace")


def _status(returncode: int | None, stderr: str) -> Status:
    if returncode is None:
        return "timeout"
    if returncode == 0:
        return "ok"
    last_line = stderr.rstrip().rpartition("\n")[2]
    return "memory" if last_line.startswith("MemoryError") else "error"
