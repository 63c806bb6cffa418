"""A process with limits: how it is started, waited for, and what became of it."""

import contextlib
import math
import os
import resource
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Literal

from z1ray.grading import bubblewrap
from z1ray.grading.config import SandboxConfig

Status = Literal["ok", "error", "timeout", "memory"]

OUTPUT_BYTES = bubblewrap.SCRATCH_BYTES
MAX_PROCESSES = 64

_STACK_BYTES = 64 * 2**20
_ENVIRONMENT = {
    **{"PATH": "/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"},
    # Reserved addresses count, and every thread would reserve an arena of 64 MiB and a stack like the main one.
    **{"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"},
}


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


def limits(config: SandboxConfig, limit_s: float) -> list[str]:
    """Options of prlimit(1), none above what this process may give."""
    limits = {
        "as": (resource.RLIMIT_AS, config.memory_mib * 2**20),
        # One second more than the wall clock allows: it ends what has left the session in the weak sandbox.
        "cpu": (resource.RLIMIT_CPU, math.ceil(limit_s) + 1),
        "fsize": (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        "nproc": (resource.RLIMIT_NPROC, MAX_PROCESSES),
        "nofile": (resource.RLIMIT_NOFILE, 256),
        "stack": (resource.RLIMIT_STACK, _STACK_BYTES),
        "core": (resource.RLIMIT_CORE, 0),
    }
    hard = {name: resource.getrlimit(kind)[1] for name, (kind, _) in limits.items()}
    given = {name: limit if hard[name] == -1 else min(limit, hard[name]) for name, (_, limit) in limits.items()}
    return [f"--{name}={limit}:{limit}" for name, limit in given.items()]


def user_data(uid: int) -> tuple[bytes, bytes]:
    """/etc/passwd and /etc/group: programs may ask who they are."""
    return f"sandbox:x:{uid}:{uid}::/tmp:/bin/sh\n".encode(), f"sandbox:x:{uid}:\n".encode()


@contextmanager
def readable(*contents: bytes) -> Iterator[list[int]]:
    """File descriptors from which short contents can be read once."""
    fds = []
    try:
        for content in contents:
            end, start = os.pipe()
            fds.append(end)
            os.write(start, content)
            os.close(start)
        yield fds
    finally:
        for fd in fds:
            os.close(fd)


def started(
    command: list[str], outputs: tuple[IO[bytes], IO[bytes]], cwd: str, fds: Sequence[int]
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, with the file descriptors it is to inherit."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=outputs[0],
        stderr=outputs[1],
        env=_ENVIRONMENT,
        cwd=cwd,
        pass_fds=fds,
        start_new_session=True,
    )


def wait_for(process: subprocess.Popen[bytes], stdin: bytes, limit_s: float) -> int | None:
    """The exit status, or None if the time ran out. No process of the run's session outlives it."""
    try:
        process.communicate(stdin, timeout=limit_s)
    except subprocess.TimeoutExpired:
        return None
    finally:
        # The leader has been waited for only if it ended by itself; its group may still hold others.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return process.returncode


def captured(file: IO[bytes]) -> str:
    """What was written to a file, up to ``OUTPUT_BYTES``."""
    file.seek(0)
    return file.read(OUTPUT_BYTES).decode("utf-8", errors="replace")


def status(returncode: int | None, stderr: str) -> Status:
    """What an exit status means; None is a time-out."""
    if returncode is None:
        return "timeout"
    if returncode == 0:
        return "ok"
    last_line = stderr.rstrip().rpartition("\n")[2]
    return "memory" if last_line.startswith("MemoryError") else "error"
