"""Who runs beside whom on this machine: as many runs at a time as processors, or one that has it alone."""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

_PAUSE_S = 0.001


@contextmanager
def shared() -> Iterator[None]:
    """Run beside others, of this process and of others, on a processor that no other run has."""
    with ExitStack() as stack:
        with _locked("door"):
            while not any(stack.enter_context(_locked(name, wait=False)) for name in _places()):
                time.sleep(_PAUSE_S)
        yield


@contextmanager
def alone() -> Iterator[None]:
    """Run when all others have ended, and let none begin before this one ends."""
    with ExitStack() as stack:
        for name in ("door", *_places()):
            stack.enter_context(_locked(name))
        yield


def _places() -> list[str]:
    return [f"place{number}" for number in range(len(os.sched_getaffinity(0)))]


@contextmanager
def _locked(name: str, wait: bool = True) -> Iterator[bool]:
    """Hold a lock of this machine; gives whether it was free, if it is not waited for."""
    path = Path(tempfile.gettempdir(), f"z1ray-{os.getuid()}.{name}")
    file = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(file)
