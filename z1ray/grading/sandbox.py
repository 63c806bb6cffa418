"""Running untrusted Python.

With bubblewrap, a run has no network, sees no file but the system's libraries and the
interpreter (read-only) and an empty ``/tmp`` of 64 MiB, sees no process but its own, and gets
an empty environment. Each process's address space, CPU time, file size, open files and stack
are limited, and so is the number of processes; the wall-clock limit ends the whole tree. A
filter of system calls refuses memory that no limit counts (memfd, System V), new namespaces
and looking into other processes. Memory of all processes together is limited by a control
group where this process may make one (``grading/memory.py``).

It does **not** cover: faults of the kernel itself; without a control group, memory of several
processes together for the 50 ms between two looks at it (``inside/watch.py``; a plain `run`
has no such look: 64 processes, each within its own limit); use of the processors by up to 64
processes until the time is over; what can be learned from timing.

Where bubblewrap is missing or may not create namespaces, nothing is run, unless
``sandbox.require`` is false: then a run is a plain subprocess in a session of its own, with an
empty environment, an empty working folder and the limits of each process. It can then read the
user's files, use the network, leave its session, and as root start processes without limit.
"""

import contextlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from functools import cache, lru_cache
from pathlib import Path
from typing import Literal

from z1ray.errors import UserError
from z1ray.grading import bubblewrap, memory, processes, seccomp
from z1ray.grading.config import SandboxConfig
from z1ray.grading.packages import shown as shown_packages
from z1ray.grading.processes import Outcome

Kind = Literal["bubblewrap", "limited"]

PROGRAM = "/program"  # the program's folder, seen from inside

_OVERHEAD_BYTES = 64 * 2**20  # what bubblewrap and the judge may hold beside the program
_PROBES, _PROBE_PAUSE_S, _PROBE_AGAIN_S = 3, 0.2, 60
_log = logging.getLogger(__name__)
# The list of the block around a run that wants to know; none outside of one.
_noted: ContextVar[list[Kind] | None] = ContextVar("_noted", default=None)


class SandboxError(Exception):
    """The sandbox did not do its part; says nothing about the program."""


def kind(require: bool = False) -> Kind:
    """The sandbox this machine offers now; looked at again every minute.

    Args:
        require: Refuse the weak one.

    Raises:
        UserError: If bubblewrap does not work and is required.
    """
    reason = _unusable(int(time.monotonic() // _PROBE_AGAIN_S))
    if reason is None:
        return "bubblewrap"
    if require:
        remedy = f"{bubblewrap.INSTALL}; for a demonstration alone, set sandbox.require to false"
        raise UserError("sandbox.require", True, reason, remedy)
    _warn(reason)
    return "limited"


@contextlib.contextmanager
def noting() -> Iterator[list[Kind]]:
    """A list that gets the sandbox of each run that the block starts."""
    kinds: list[Kind] = []
    token = _noted.set(kinds)
    try:
        yield kinds
    finally:
        _noted.reset(token)


def run(source: str, config: SandboxConfig, *, stdin: str = "", packages: Sequence[Path] = ()) -> Outcome:
    """Run a Python program to its end or to its limits.

    Args:
        source: The program's text.
        config: Time and memory limits.
        stdin: What it reads.
        packages: Folders of packages it may read; it must put them on ``sys.path`` itself.

    Raises:
        UserError: If bubblewrap does not work and ``config`` requires it.
    """
    return _run(source, config, kind(config.require), stdin, packages)


def execute(
    folder: Path,
    words: Sequence[str],
    config: SandboxConfig,
    kind: Kind,
    *,
    stdin: bytes,
    limit_s: float,
    uid: int,
    more: Sequence[Path] = (),
) -> Outcome:
    """Run a command.

    Args:
        folder: Folder of the program, seen as ``PROGRAM`` in bubblewrap.
        words: The command.
        config: Memory limit and packages.
        kind: Which sandbox.
        stdin: What it reads.
        limit_s: Wall-clock limit.
        uid: User id that the run's user data names; -1 is ours.
        more: Folders seen where they are.
    """
    if (noted := _noted.get()) is not None:
        noted.append(kind)
    command = ["prlimit", *processes.limits(config, limit_s), *words]
    with contextlib.ExitStack() as stack:
        group, fds = None, list[int]()
        if kind == "bubblewrap":
            shown = {PROGRAM: folder, **shown_packages(config.packages), **{str(path): path for path in more}}
            system = processes.system_files(uid if uid >= 0 else os.getuid())
            fds = stack.enter_context(processes.readable(seccomp.program(), *system.values()))
            files = dict(zip(system, fds[1:], strict=True))
            command = [*bubblewrap.command(shown, files, fds[0]), *command]
            group = stack.enter_context(memory.group(config.memory_mib * 2**20 + _OVERHEAD_BYTES))
        kills = memory.num_kills(group) if group else 0
        if group:
            command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(group / "cgroup.procs"), *command]
        stdout, stderr = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        cwd = stack.enter_context(tempfile.TemporaryDirectory(prefix="z1ray-")) if kind == "limited" else "/"
        returncode = processes.wait_for(processes.started(command, (stdout, stderr), cwd, fds), stdin, limit_s)
        texts = [processes.captured(file) for file in (stdout, stderr)]
        starved = group is not None and returncode not in {0, None} and memory.num_kills(group) > kills
    return Outcome("memory" if starved else processes.status(returncode, texts[1]), *texts)


def python(*words: str) -> list[str]:
    """The interpreter's command, isolated from the user's settings and packages."""
    return [bubblewrap.interpreter(), "-I", "-S", "-B", "-X", "utf8", *words]


@lru_cache(maxsize=1)
def _unusable(_: int) -> str | None:
    """Why bubblewrap cannot be used here, found out by using it, more than once if it fails; None if it works."""
    if shutil.which("bwrap") is None:
        return "bwrap is not installed"
    if not seccomp.known():
        return "there is no filter of system calls for this processor"
    for _attempt in range(_PROBES):
        outcome = _run("print('ready')", SandboxConfig(timeout_s=60), "bubblewrap", "", ())
        if outcome.stdout == "ready\n":
            return None
        time.sleep(_PROBE_PAUSE_S)
    return f"bwrap does not work ({outcome.stderr.strip()[-200:]})"


@cache
def _warn(reason: str) -> None:
    _log.warning(
        "UNTRUSTED CODE RUNS WITHOUT A SANDBOX: %s. It can read this user's files, use the network and leave "
        "processes behind; only time, memory and output are limited. To protect this machine: %s.",
        reason,
        bubblewrap.INSTALL,
    )


def _run(source: str, config: SandboxConfig, kind: Kind, stdin: str, packages: Sequence[Path]) -> Outcome:
    uid = bubblewrap.throwaway_uid() if kind == "bubblewrap" else -1
    with tempfile.TemporaryDirectory(prefix="z1ray-sandbox-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        program = folder / "program.py"
        program.write_text(source, encoding="utf-8", errors="replace")
        program.chmod(0o644)
        data, limit_s = stdin.encode("utf-8", errors="replace"), config.timeout_s
        words = [*_as_user(uid), *python(f"{PROGRAM if kind == 'bubblewrap' else name}/program.py")]
        return execute(folder, words, config, kind, stdin=data, limit_s=limit_s, uid=uid, more=packages)


def _as_user(uid: int) -> list[str]:
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups"] if uid >= 0 else []
