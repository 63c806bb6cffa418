"""A control group per run, which limits the memory of all its processes together.

Used where this process may make one, which needs root and a writable hierarchy (version 1 or
2). Groups are made once and used again by later runs, and removed at exit.
"""

import atexit
import contextlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory.limit_in_bytes")
_free: list[Path] = []


@contextmanager
def group(limit_bytes: int) -> Iterator[Path | None]:
    """A group with a limit, for one run at a time; None where there can be none."""
    if _base() is None:
        yield None
        return
    try:
        folder = _free.pop()
    except IndexError:
        folder = _made()
    try:
        limit = next(folder / name for name in _LIMITS if (folder / name).exists())
        with contextlib.suppress(OSError):  # pages of an earlier run may not have gone yet
            limit.write_text(str(limit_bytes))
        yield folder
    finally:
        _free.append(folder)


def num_kills(folder: Path) -> int:
    """How many processes of a group the kernel has ended for want of memory, ever."""
    for name in ("memory.events", "memory.oom_control"):
        if (folder / name).exists():
            found = re.search(r"^oom_kill (\d+)$", (folder / name).read_text(), re.MULTILINE)
            return int(found[1]) if found else 0
    return 0


@cache
def _base() -> Path | None:
    """The group under which this process can make limited groups, found out by making one."""
    if os.geteuid() != 0:
        return None
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers not in {"", "memory"}:
            continue
        base = _ROOT / controllers / path.lstrip("/")
        with contextlib.suppress(OSError):
            _remove_orphans(base)
            probe = base / f"z1ray-{os.getpid()}-probe"
            probe.mkdir(exist_ok=True)
            usable = any((probe / name).exists() for name in _LIMITS)
            probe.rmdir()
            if usable:
                atexit.register(_remove)
                return base
    return None


def _made() -> Path:
    base = _base()
    assert base is not None
    folder = base / f"z1ray-{os.getpid()}-{os.urandom(4).hex()}"
    folder.mkdir()
    return folder


def _remove() -> None:
    for folder in _free:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _remove_orphans(base: Path) -> None:
    """Remove the groups of processes that were killed before they could."""
    for folder in base.glob("z1ray-*-*"):
        if not Path("/proc", folder.name.split("-")[1]).exists():
            with contextlib.suppress(OSError):
                folder.rmdir()
