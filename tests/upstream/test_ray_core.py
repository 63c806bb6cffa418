"""Ray's core still has what z1ray's upstream functions call."""

import inspect
from dataclasses import fields


def test_a_jobs_record_can_be_read_and_put():
    """The record is a dataclass with a status and a message; the store takes it whole, with a time limit."""
    from ray.dashboard.modules.job.common import JobInfo, JobInfoStorageClient
    from ray.experimental.internal_kv import internal_kv_get_gcs_client

    assert {"status", "message"} <= {field.name for field in fields(JobInfo)}
    assert list(inspect.signature(JobInfoStorageClient.get_info).parameters) == ["self", "job_id", "timeout"]
    put = inspect.signature(JobInfoStorageClient.put_info).parameters
    assert list(put)[:3] == ["self", "job_id", "job_info"]
    assert "timeout" in put
    assert inspect.iscoroutinefunction(JobInfoStorageClient.get_info)
    assert inspect.iscoroutinefunction(JobInfoStorageClient.put_info)
    assert not inspect.signature(internal_kv_get_gcs_client).parameters
