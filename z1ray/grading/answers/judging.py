"""A process of its own for checks that a hostile or huge answer could hang or bloat.

One process per thread serves many answers, since starting one costs about a second of imports.
It is killed at its time limit and the next answer gets a new one. It holds no secret, evaluates
no text as Python (that needs the sandbox), and its address space, CPU time and file writes are
limited.
"""

import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from z1ray.grading.config import SandboxConfig

_PROGRAM = Path(__file__).with_name("judge.py")
# sympy and reasoning_gym map this much before they see an answer.
_IMPORT_MIB = 2048
_START_S = 120.0
# Importing a task's libraries comes on top of the first answer to it.
_TASK_S = 30.0
_local = threading.local()


class JudgeTimeout(Exception):
    """An answer took longer than its limit, and its process was killed."""


class JudgeError(Exception):
    """The check itself failed, or its process died."""


def score(job: dict[str, Any], config: SandboxConfig) -> float:
    """The score from 0 to 1 of one answer.

    Args:
        job: ``rule``, ``answer`` and what the rule needs; see ``judge``.
        config: Its ``timeout_s`` limits this answer, its ``memory_mib`` what the answer adds to the libraries.

    Raises:
        JudgeTimeout: If the time ran out.
        JudgeError: If the check failed for another reason than a wrong answer.
    """
    judge = _judge(config.memory_mib)
    limit_s = config.timeout_s + (0 if job["rule"] in judge.known else _TASK_S)
    try:
        reply = judge.ask({**job, "cpu_s": limit_s}, limit_s)
    except BaseException:
        # Its answer would be taken for the next one's.
        judge.close()
        raise
    judge.known.add(job["rule"])
    if "score" not in reply:
        raise JudgeError(reply["error"])
    return float(reply["score"])


class _Judge:
    """The running process.

    Attributes:
        known: Rules it has applied, whose libraries are loaded.
    """

    def __init__(self, memory_mib: int) -> None:
        self.known = {"mathematics"}
        self._owner = os.getpid()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM), str((memory_mib + _IMPORT_MIB) * 2**20)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        self._receive(_START_S)

    def alive(self) -> bool:
        """Whether it can take a job from this process; a fork shares pipes it must not use."""
        return self._owner == os.getpid() and self._process.poll() is None

    def ask(self, job: dict[str, Any], limit_s: float) -> dict[str, Any]:
        """Its reply to a job."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(job).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise JudgeError("the judging process died") from error
        return self._receive(limit_s)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()

    def _receive(self, limit_s: float) -> dict[str, Any]:
        assert self._process.stdout is not None
        ends, line = time.monotonic() + limit_s, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, ends - time.monotonic()))
            if not ready:
                raise JudgeTimeout(f"no verdict after {limit_s:g} s")
            piece = os.read(self._process.stdout.fileno(), 65536)
            if not piece:
                raise JudgeError("the judging process died")
            line += piece
        reply: dict[str, Any] = json.loads(line)
        return reply


def _judge(memory_mib: int) -> _Judge:
    judges: dict[int, _Judge] = _local.__dict__.setdefault("judges", {})
    if memory_mib not in judges or not judges[memory_mib].alive():
        judges[memory_mib] = _Judge(memory_mib)
    return judges[memory_mib]
