"""Who runs beside whom on this machine: runs share it, but one that is tried again has it alone."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def shared() -> Iterator[None]:
    """Run beside others, once nobody who wants to be alone is waiting."""
    with _locked("door", fcntl.LOCK_EX):
        room = _file("room")
        fcntl.flock(room, fcntl.LOCK_SH)
    try:
        yield
    finally:
        os.close(room)


@contextmanager
def alone() -> Iterator[None]:
    """Run when all others have ended, and let none begin before this one ends."""
    with _locked("door", fcntl.LOCK_EX), _locked("room", fcntl.LOCK_EX):
        yield


@contextmanager
def _locked(name: str, how: int) -> Iterator[None]:
    file = _file(name)
    try:
        fcntl.flock(file, how)
        yield
    finally:
        os.close(file)


def _file(name: str) -> int:
    return os.open(Path(tempfile.gettempdir(), f"z1ray-{os.getuid()}.{name}"), os.O_CREAT | os.O_RDWR, 0o600)
