"""The message beside a running job on Ray's Jobs page."""

import json
import os
from contextlib import suppress

from z1ray.upstream.ray_core import put_job_message


def tell_job(text: str) -> None:
    """Make ``text`` the status message of the Ray job this process drives; outside of one, do nothing.

    Only the job's own driver changes it, and only while the job runs: Ray sets the last message itself.
    A store that cannot be reached costs the message, not the run.
    """
    job = _submission_id()
    if job is None:
        return
    from ray.exceptions import RayError

    with suppress(RayError):
        put_job_message(job, text)


def _submission_id() -> str | None:
    """Set for a driver that ``ray job submit`` started, by the actor that supervises it."""
    config = os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR")
    if config is None:
        return None
    job: str | None = json.loads(config).get("metadata", {}).get("job_submission_id")
    return job
