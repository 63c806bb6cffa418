"""Ray's core: what z1ray uses of it that its documentation does not name as API. Checked with Ray 2.60."""

import asyncio
from dataclasses import replace

_CALL_TIMEOUT_S = 10


def put_job_message(submission_id: str, text: str) -> None:
    """Replace the status message of a job that runs; one that has ended is left as it is.

    Relies on ``JobInfoStorageClient`` of ``ray.dashboard.modules.job.common``, which the job's own
    supervisor uses: ``get_info`` and ``put_info`` of a ``JobInfo``, a dataclass with ``status`` and
    ``message``. Ray keeps a job's record as one value in its key-value store and has no public call for it.

    Raises:
        ray.exceptions.RayError: If the store cannot be reached.
    """
    asyncio.run(_put(submission_id, text))


async def _put(submission_id: str, text: str) -> None:
    from ray.dashboard.modules.job.common import JobInfoStorageClient
    from ray.experimental.internal_kv import internal_kv_get_gcs_client
    from ray.job_submission import JobStatus

    store = JobInfoStorageClient(internal_kv_get_gcs_client())  # type: ignore[no-untyped-call]
    info = await store.get_info(submission_id, timeout=_CALL_TIMEOUT_S)
    if info is not None and info.status == JobStatus.RUNNING:
        await store.put_info(submission_id, replace(info, message=text), timeout=_CALL_TIMEOUT_S)
