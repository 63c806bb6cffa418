"""The same dataset however the work is divided, and after a kill."""

import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.curation.made import DOUBLE, RIGHT, some_problems, some_rows, write_trajectories
from tests.processes import kill_tree
from z1ray import artifacts
from z1ray.curation.curate import curate
from z1ray.records import problem

pytestmark = pytest.mark.ray


def test_content_does_not_depend_on_tasks_or_files(config, tmp_path):
    """The same input and settings give the same dataset on one CPU and on many, however rows lie in files."""
    rows = some_rows() + [
        {**row, "trajectory_id": f"{row['trajectory_id']}-{number}", "text": f"{row['text']} {'again ' * number}"}
        for row in some_rows()[:2]
        for number in range(20)
    ]
    contents = []
    for number, (some, parallelism) in enumerate([(rows, 1), (rows, 8), (rows[::-1], 8)]):
        source = write_trajectories(tmp_path / f"t{number}", some_problems(), some)
        settings = replace(
            config, trajectories=source, parallelism=parallelism, verify=False, keep="any", token_budget=600
        )
        contents.append(curate(settings, tmp_path / f"d{number}")["content"])
    assert len(set(contents)) == 1
    other = curate(replace(config, verify=False, keep="any", token_budget=500), tmp_path / "other")
    assert other["content"] != contents[0]


def test_a_killed_run_goes_on(config, tmp_path):
    """Verification takes hours: what it has found before a kill is not done again, and the result is the same."""
    tests = {"kind": "python", "cases": ["import time; time.sleep(0.1)", *DOUBLE["cases"]]}
    problems = [problem(problem_id="mine/double", source="mine", question="Double it.", tests=tests)]
    blank = some_rows()[0]
    rows = [
        {**blank, "trajectory_id": f"row-{number:03d}", "sample": number, "text": f"{number}\n{RIGHT} {'x ' * number}"}
        for number in range(32)
    ]
    source = write_trajectories(tmp_path / "many", problems, rows)
    settings = replace(config, trajectories=source, duplicate_similarity=1.0)
    output = tmp_path / "killed"
    done = output / "work" / "done-tests"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, source, config.tokenizer, str(output)])
    try:
        wait_for(lambda: driver.poll() is not None or any(done.glob("*.json")))
    finally:
        kill_tree(driver.pid)
        driver.wait()
    before = {path: path.stat().st_mtime_ns for path in [*done.glob("*.json"), *output.glob("work/done-rows/*.json")]}
    assert before
    assert not (output / artifacts.MANIFEST).exists()
    kept_files = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("z1ray.curation.curate.remove", lambda folder: kept_files.append(folder))
        manifest = curate(settings, output)
    assert kept_files == [(output / "work").absolute()]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert manifest["num_rows"] == 32
    assert manifest["verified"] == {"passed": 32}
    assert manifest["content"] == curate(settings, tmp_path / "whole")["content"]


DRIVER = """
import sys, ray
from pathlib import Path
from z1ray.curation.config import CurateConfig
from z1ray.curation.curate import curate
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=100_000_000)
curate(CurateConfig(
    trajectories=sys.argv[1], tokenizer=sys.argv[2], keep="verified", parallelism=1, duplicate_similarity=1.0,
    benchmarks=[SourceConfig(kind="humaneval", limit=4)], sandbox=SandboxConfig(timeout_s=3),
), Path(sys.argv[3]))
"""


def wait_for(condition):
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
