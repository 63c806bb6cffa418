"""A job tells how far it is on Ray's Jobs page, and Ray alone tells how it ended."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from z1ray.jobstatus import tell_job

# Speaks until it is told to end, so that no look at it comes too late.
SPEAK = """
import sys, time
from pathlib import Path
from z1ray.connect import connect
from z1ray.jobstatus import tell_job
connect()
last = Path(sys.argv[1])
while not last.exists():
    tell_job("3/4 rows, about 1 s left")
    time.sleep(0.2)
sys.exit(int(last.read_text()))
"""

# A head puts its token into the environment, so it has a process of its own.
WATCH = """
import asyncio, json, sys, threading, time
from pathlib import Path
from z1ray.pipeline.head import local_head
from z1ray.pipeline.submit import JobFailed, run_job

folder = Path(sys.argv[1])

metadata = {"experiment": "unit", "config": "x.yaml"}

def submit(client, code):
    try:
        asyncio.run(run_job(client, "speak", [str(folder / code)], folder, folder / "log", metadata))
    except JobFailed:
        pass

def until(client, seen, wanted):
    while True:
        for job in client.list_jobs():
            if job.submission_id not in seen and wanted(job):
                return {"id": job.submission_id, **{n: getattr(job, n) for n in ("status", "message", "metadata")}}
        time.sleep(0.1)

with local_head(2) as address:
    # Ray reads the token's mode from the environment when it is imported.
    from ray.job_submission import JobSubmissionClient
    client = JobSubmissionClient(address)
    told, seen = [], set()
    for code in "07":
        thread = threading.Thread(target=submit, args=(client, code))
        thread.start()
        told.append(until(client, seen, lambda job: "rows" in (job.message or "")))
        (folder / code).write_text(code)
        told.append(until(client, seen, lambda job: job.status.is_terminal()))
        seen.add(told[-1]["id"])
        thread.join()
print("TOLD" + json.dumps(told))
"""


def test_nothing_is_told_outside_of_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that starts a Ray of its own, or is submitted without an id, has no record to change."""
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    tell_job("3/4 rows")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    tell_job("3/4 rows")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The record of a job that succeeds and of one that fails, each while it runs and after its end."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "jobs").mkdir()
    (folder / "jobs" / "speak.py").write_text(SPEAK)
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    done = subprocess.run(
        [sys.executable, "-c", WATCH, str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=Path(__file__).parents[1],
        env=env,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout.rpartition("TOLD")[2])
    return found


@pytest.mark.ray
def test_a_running_job_tells_how_far_it_is(told: list[dict[str, Any]]) -> None:
    """Who looks at the Jobs page needs no log."""
    for running in (told[0], told[2]):
        assert (running["status"], running["message"]) == ("RUNNING", "3/4 rows, about 1 s left")


@pytest.mark.ray
def test_ray_alone_tells_how_a_job_ended(told: list[dict[str, Any]]) -> None:
    """A message that outlived the job would show it as running for ever."""
    assert (told[1]["status"], told[1]["message"]) == ("SUCCEEDED", "Job finished successfully.")
    assert told[3]["status"] == "FAILED"
    assert "exit code 7" in told[3]["message"]


@pytest.mark.ray
def test_a_job_says_what_it_is(told: list[dict[str, Any]]) -> None:
    """Months later the page still says which experiment, settings and code a job was; telling keeps it."""
    for record in told:
        metadata = record["metadata"]
        assert metadata["name"] == "z1ray speak"
        assert (metadata["stage"], metadata["experiment"], metadata["config"]) == ("speak", "unit", "x.yaml")
        assert metadata["code"]
