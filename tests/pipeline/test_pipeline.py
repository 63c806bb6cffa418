"""Problems to curve through real Ray jobs: killed, continued, skipped, stopped."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import kill_commands
from z1ray.records import read_rows

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

ROOT = Path(__file__).parents[2]
CONFIG = Path(__file__).with_name("tiny.yaml")
STAGES = ("trajectories", "dataset", "checkpoint", "endpoint", "evaluation")


@pytest.fixture(scope="module")
def root(tiny_model, tmp_path_factory) -> Path:
    """A folder of runs with the tiny model in it."""
    folder: Path = tmp_path_factory.mktemp("runs")
    (folder / "models").mkdir()
    (folder / "models" / "tiny").symlink_to(tiny_model)
    return folder


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    kill_commands("jobs/pipeline.py")


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    # A shell's background job ignores Ctrl-C, and so would all that it starts.
    command = ["env", "--default-signal=INT", sys.executable, "jobs/pipeline.py"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return subprocess.Popen(
        [*command, "--config", str(CONFIG), f"root={root}", *words],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**env, "HF_HUB_OFFLINE": "1"},
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Lines of the process up to the first that matches; fails if it ends before."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if re.search(pattern, line):
            return seen
    pytest.fail(f"{pattern!r} never came:\n{seen}")


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until_closed(port: int) -> None:
    deadline = time.monotonic() + 180
    while listening(port):
        assert time.monotonic() < deadline, f"port {port} is still open"
        time.sleep(0.5)


def test_interrupting_stops_the_head_and_keeps_what_is_done(root):
    """Ctrl-C while the first stage runs: status 130, nothing left behind, and the next run continues."""
    process = start(root, "--stages", "generate")
    head = read_until(process, "dashboard http")
    port = int(re.findall(r"127\.0\.0\.1:(\d+)", head)[-1])
    assert listening(port)
    read_until(process, r"generate: submitted")
    time.sleep(3)
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=400)[0]
    assert process.returncode == 130, rest
    wait_until_closed(port)
    assert not (root / "tiny" / "trajectories" / "manifest.json").exists()


def test_a_failing_stage_is_told_and_everything_is_stopped(root):
    """A user's mistake inside a job reaches the terminal as one screen, and the status is not 0."""
    process = start(root, "--stages", "curate", "curate.token_budget=1")
    log = process.communicate(timeout=400)[0]
    assert process.returncode == 1, log
    assert "no finished stage" in log
    assert "remedy:" in log
    assert "Traceback" not in log


def test_the_whole_pipeline(root):
    """Every stage a Ray job: one folder each, and the curve, its plot and the report at the end."""
    process = start(root)
    log = process.communicate(timeout=1400)[0]
    assert process.returncode == 0, log
    run = root / "tiny"
    for stage in STAGES:
        assert (run / stage / "manifest.json").exists(), stage
        assert (run / stage / "config.yaml").exists(), stage
    points = json.loads((run / "curve.json").read_text())
    assert len(points) == 2 * 2
    assert {point["model"] for point in points} == {"z1-tiny"}
    # Random layers never end a turn: every run is cut at exactly its budget.
    assert all(point["mean_thinking_tokens"] == point["thinking_budget"] for point in points)
    assert all(point["cut_ratio"] == 1.0 and point["num_samples"] == 2 for point in points)
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert str(run / "report.html") in log


def test_rows_flow_without_loss(root):
    """Each trajectory is in the dataset exactly once, kept or with a reason, and training saw the kept ones."""
    run = root / "tiny"
    trajectories = [row["trajectory_id"] for row in read_rows(run / "trajectories" / "data")]
    examples = read_rows(run / "dataset" / "data")
    assert sorted(row["trajectory_id"] for row in examples) == sorted(trajectories)
    assert len(set(trajectories)) == len(trajectories) == 12
    assert all((row["drop_reason"] is None) == row["kept"] for row in examples)
    assert 0 < sum(row["kept"] for row in examples) < 12


def test_report_is_self_contained_and_complete(root):
    """The report opens anywhere: no outside reference, and every part of the run in it."""
    page = (root / "tiny" / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    for part in ("Test-time scaling", "What ran", "Dataset", "Training", "Endpoint", "Sample trajectories"):
        assert f"<h2>{part}</h2>" in page
    assert page.count("data:image/png;base64,") == 1
    assert "<svg" in page


def test_a_done_run_is_skipped_without_starting_ray(root):
    """The second run costs seconds."""
    process = start(root)
    log = process.communicate(timeout=400)[0]
    assert process.returncode == 0
    assert "every stage is done" in log
    assert "dashboard" not in log


def test_no_secret_is_left_behind(root):
    """The head's token is for this run only; logs may be shared."""
    for path in (root / "tiny").rglob("*"):
        if path.is_file() and path.suffix in {".log", ".json", ".yaml", ".html"}:
            assert not re.search(r"RAY_AUTH_TOKEN\W+[0-9a-f]{64}", path.read_text(errors="replace")), path
