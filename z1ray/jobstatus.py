"""The message beside a running job on Ray's Jobs page."""

import asyncio
import json
import os
from contextlib import suppress
from dataclasses import replace

_CALL_TIMEOUT_S = 10


def tell_job(text: str) -> None:
    """Make ``text`` the status message of the Ray job this process drives; outside of one, do nothing.

    Ray keeps a job's record as one value in its key-value store and replaces the message
    itself when the job ends. Only a record that says RUNNING is changed, and only by the
    job's own driver, so a job that has ended stays ended. A store that cannot be reached
    costs the message, not the run.
    """
    job = _submission_id()
    if job is None:
        return
    from ray.exceptions import RayError

    with suppress(RayError):
        asyncio.run(_put_message(job, text))


def _submission_id() -> str | None:
    """Set for a driver that ``ray job submit`` started, by the actor that supervises it."""
    config = os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR")
    if config is None:
        return None
    job: str | None = json.loads(config).get("metadata", {}).get("job_submission_id")
    return job


async def _put_message(job: str, text: str) -> None:
    # Ray has no public call for this; these are what its own supervisor uses.
    from ray.dashboard.modules.job.common import JobInfoStorageClient
    from ray.experimental.internal_kv import internal_kv_get_gcs_client
    from ray.job_submission import JobStatus

    store = JobInfoStorageClient(internal_kv_get_gcs_client())  # type: ignore[no-untyped-call]
    info = await store.get_info(job, timeout=_CALL_TIMEOUT_S)
    if info is not None and info.status == JobStatus.RUNNING:
        await store.put_info(job, replace(info, message=text), timeout=_CALL_TIMEOUT_S)
