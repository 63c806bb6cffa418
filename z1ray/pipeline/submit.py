"""One stage as one Ray job: submit, follow its log, wait for its end."""

import asyncio
import logging
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from z1ray.artifacts import code_version
from z1ray.launch import ERROR_MARK
from z1ray.progress import MARK, say

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_LAST_LINES = 25


class JobFailed(RuntimeError):
    """A submitted stage ended without success; the message says how and shows the end of its log."""


async def run_job(
    client: "JobSubmissionClient",
    stage: str,
    arguments: Sequence[str],
    working_dir: Path,
    log: Path,
    metadata: Mapping[str, str],
    label: str = "",
) -> None:
    """Submit ``jobs/<stage>.py`` and wait for it, showing the lines meant for people after ``label``.

    The whole log goes to ``log``. If the caller is interrupted, the job is stopped.
    The Jobs page shows ``metadata`` beside the stage's name and the code version.

    Raises:
        JobFailed: If the job did not succeed.
    """
    from ray.job_submission import JobStatus

    # It would list every ignored file of the checkout, at each submission.
    logging.getLogger("ray").setLevel(logging.ERROR)
    code = code_version()
    job = client.submit_job(
        entrypoint=shlex.join([sys.executable, f"jobs/{stage}.py", *arguments]),
        runtime_env={"working_dir": str(working_dir), "env_vars": {"Z1RAY_CODE_VERSION": code}},
        metadata={"name": f"z1ray {stage}", "stage": stage, "code": code, **metadata},
    )
    try:
        await _follow(client, job, log, label)
    except (asyncio.CancelledError, KeyboardInterrupt):
        client.stop_job(job)
        raise
    status = client.get_job_status(job)
    if status != JobStatus.SUCCEEDED:
        raise JobFailed(_explain(str(status.value), client.get_job_info(job).message, log))


async def _follow(client: "JobSubmissionClient", job: str, log: Path, label: str) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as file:
        rest = ""
        async for piece in client.tail_job_logs(job):
            file.write(piece)
            file.flush()
            *lines, rest = (rest + piece).split("\n")
            for line in lines:
                # Ray puts the worker's name before a line that comes from a worker.
                _, marked, told = line.partition(MARK)
                if marked:
                    say(f"    {label}{told}")


def _explain(status: str, message: str | None, log: Path) -> str:
    text = log.read_text()
    # A user's mistake was already told on one screen; see z1ray.launch.guarded.
    _, found, told = text.rpartition(f"\n{ERROR_MARK}")
    if found:
        return told.strip()
    tail = "\n".join(text.splitlines()[-_LAST_LINES:])
    return f"{status}: {message}\n\n{tail}\n\nthe whole log: {log}"
