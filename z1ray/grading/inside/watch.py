"""Limits of a run while it runs, and the rights of its processes."""

from __future__ import annotations

import _signal
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from typing import Any

_TICK_S = 0.05
_SCRATCH = ("/tmp", "/dev/shm")
_DUMPABLE = 4  # PR_SET_DUMPABLE


class Over(BaseException):
    """A limit was reached; the text is the verdict."""


def start(pid: int, limit_s: float, memory_bytes: int) -> None:
    """From now on raise ``Over`` in this process when the answer's process reaches a limit.

    Args:
        pid: The answer's process.
        limit_s: Wall-clock seconds from now.
        memory_bytes: For all processes of the sandbox but this one, and for files in memory; 0: no limit.
    """
    until, waited_s = time.monotonic() + limit_s, _waited_s(pid)

    def look(*_: Any) -> None:
        if time.monotonic() >= until:
            raise Over("starved" if _waited_s(pid) - waited_s > limit_s / 5 else "timeout")
        if memory_bytes and _memory() > memory_bytes:
            raise Over("memory")

    _signal.signal(_signal.SIGALRM, look)
    _signal.setitimer(_signal.ITIMER_REAL, min(_TICK_S, limit_s), _TICK_S)


def stop() -> None:
    """Look no more."""
    _signal.setitimer(_signal.ITIMER_REAL, 0)
    _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)


def wait(pid: int, limit_s: float, memory_bytes: int) -> tuple[float, int]:
    """Wait for a process within its limits. Returns seconds and exit status (minus the signal, if one ended it)."""
    started = time.monotonic()
    start(pid, max(limit_s, 0.001), memory_bytes)
    status = ended(pid)
    stop()
    return time.monotonic() - started, status


def ended(pid: int) -> int:
    """A process's exit status, once it has ended; minus the signal, if one ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def become(uid: int) -> None:
    """Be another user for good; stay who we are for -1."""
    if uid >= 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)


def let_look(allowed: bool) -> None:
    """Whether processes of the same user may look into this one (its memory, its files).

    The kernel forbids it to a process that has changed its user, even to the process itself.
    """
    import ctypes

    ctypes.CDLL(None).prctl(_DUMPABLE, int(allowed), 0, 0, 0)


def _waited_s(pid: int) -> float:
    """Seconds a process was ready to run but had no processor."""
    try:
        with open(f"/proc/{pid}/schedstat") as file:  # noqa: PTH123
            return int(file.read().split()[1]) / 1e9
    except OSError:
        return 0.0


def _memory() -> int:
    """Bytes held by the sandbox's processes (pages of no file, shared ones counted each time) and by its files."""
    total = 0
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdigit() and int(name) != os.getpid():
            total += _held(name)
    for folder in _SCRATCH:
        space = os.statvfs(folder)
        total += (space.f_blocks - space.f_bfree) * space.f_frsize
    return total


def _held(pid: str) -> int:
    try:
        with open(f"/proc/{pid}/status") as file:  # noqa: PTH123
            lines = [line.split() for line in file if line.startswith(("RssAnon", "RssShmem"))]
    except OSError:
        return 0  # it has just ended
    return sum(int(words[1]) * 1024 for words in lines)
