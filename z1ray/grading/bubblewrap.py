"""The bubblewrap command around untrusted Python."""

import os
import secrets
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

INSTALL = "apt-get install bubblewrap (0.7 or newer), and let the container or kernel create namespaces"
SCRATCH_BYTES = 64 * 2**20  # /tmp, and what a program may write
SHARED_BYTES = 16 * 2**20  # /dev/shm: locks and queues of multiprocessing

_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache")


def command(shown: Mapping[str, Path], files: Mapping[str, int], filter_fd: int) -> list[str]:
    """Words to put before a program: own namespaces, and a file system of what Python needs.

    Args:
        shown: Host paths by the path at which they appear, read-only.
        files: File descriptors, readable to the end, by the file they become.
        filter_fd: Where to read the system-call filter.
    """
    paths = {**{path: Path(path) for path in _interpreter_folders()}, **shown}
    return [
        shutil.which("bwrap") or "bwrap",
        *_namespaces(),
        *("--die-with-parent", "--hostname", "sandbox", "--seccomp", str(filter_fd)),
        # Before the binds: an environment that lies under /tmp must not be hidden by it.
        *("--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp"),
        *(word for path in _SYSTEM for word in (*_open_parents(path), "--ro-bind-try", path, path)),
        *(word for to, path in paths.items() for word in (*_open_parents(to), "--ro-bind", str(path), to)),
        *(word for path, fd in files.items() for word in ("--perms", "0644", "--ro-bind-data", str(fd), path)),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(SHARED_BYTES), "--tmpfs", "/dev/shm"),
        *("--remount-ro", "/dev", "--chdir", "/tmp", "--remount-ro", "/", "--"),
    ]


def interpreter() -> str:
    """The base interpreter behind any virtual environment."""
    return str(Path(getattr(sys, "_base_executable", sys.executable)).resolve())


def throwaway_uid() -> int:
    """A user id for one process of a run if we are root, else -1.

    The kernel does not count root's processes, in a user namespace of root's neither, so
    a limit on processes holds only for somebody else.
    """
    return 20_000 + secrets.randbelow(40_000) if os.geteuid() == 0 else -1


def _namespaces() -> tuple[str, ...]:
    if os.geteuid() != 0:
        return ("--unshare-all",)
    # All but the user namespace: root needs none, and stepping down to a throwaway user needs its absence.
    others = ("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try")
    return (*others, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")


def _open_parents(path: str) -> list[str]:
    """Make the folders above ``path`` open to all; bwrap alone would give them the host's rights."""
    parents = [str(parent) for parent in reversed(Path(path).parents[:-1])]
    return [word for parent in parents for word in ("--perms", "0755", "--dir", parent)]


def _interpreter_folders() -> list[str]:
    executable = Path(interpreter())
    prefix = Path(sys.base_prefix).resolve()
    folders = [prefix] if executable.is_relative_to(prefix) else [prefix, executable.parent]
    return [str(folder) for folder in folders if not folder.is_relative_to("/usr")]
