"""A process with limits: how it is started, waited for, and what became of it."""

import contextlib
import math
import os
import resource
import select
import signal
import subprocess
import time
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


class _Process(subprocess.Popen[bytes]):
    """A process whose end is noticed at once: Popen looks ever less often, which would be half of a short run."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end; raises subprocess.TimeoutExpired after so many seconds."""
        if timeout is None or self.returncode is not None:
            return super().wait(timeout)
        until = time.monotonic() + timeout
        # Kernels before 5.3 cannot tell of an end.
        with contextlib.suppress(OSError):
            _until_ended(self.pid, timeout)
        return super().wait(max(0, until - time.monotonic()))


def _until_ended(pid: int, limit_s: float) -> None:
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.poll(limit_s * 1000)
    finally:
        os.close(fd)


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


def system_files(uid: int) -> dict[str, bytes]:
    """What a run sees in /etc: programs may ask who they are and where ``localhost`` is."""
    return {
        "/etc/passwd": f"sandbox:x:{uid}:{uid}::/tmp:/bin/sh\n".encode(),
        "/etc/group": f"sandbox:x:{uid}:\n".encode(),
        "/etc/hosts": b"127.0.0.1 localhost sandbox\n::1 localhost\n",
    }


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
    return _Process(
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
