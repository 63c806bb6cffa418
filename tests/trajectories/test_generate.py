"""Generation on a real engine: complete, resumable after SIGKILL, and honest about failures."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from z1ray.records import read_rows

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

ROOT = Path(__file__).parents[2]
NUM_PROBLEMS = 20


@pytest.fixture(scope="module")
def experiment(tiny_model, tmp_path_factory) -> list[str]:
    """Words that make conf/local.yaml generate from a file of problems with the tiny model."""
    folder = tmp_path_factory.mktemp("generate")
    questions = folder / "problems.jsonl"
    rows = [{"problem_id": str(i), "question": f"Write function number {i}."} for i in range(NUM_PROBLEMS)]
    questions.write_text("\n".join(json.dumps(row) for row in rows))
    return [
        *("--config", "conf/local.yaml", f"root={folder}", f"generate.model={tiny_model}"),
        f"generate.problems=[{{kind: jsonl, path: {questions}, name: file}}]",
        *("generate.modes.short.max_tokens=150", "generate.modes.long.max_tokens=300"),
        *("generate.batch_size=2", "generate.engine.max_num_seqs=2"),
    ]


def start(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "jobs/generate.py", *words]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_killed_run_continues_without_losing_or_doubling(experiment):
    """SIGKILL in the middle, same command again: every id once, and finished rows are not generated anew."""
    output = Path(experiment[2].removeprefix("root=")) / "local" / "trajectories"
    process = start(experiment)
    try:
        deadline = time.monotonic() + 300
        while len(list((output / "done").glob("*.parquet"))) < 3 and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[0][-3000:]
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    committed = [path.name for path in (output / "done").glob("*.parquet") if ".pending" not in path.name]
    kept = {path: path.read_bytes() for path in (output / "data").glob("*.parquet") if path.name[:40] in str(committed)}
    assert kept
    assert not (output / "manifest.json").exists()

    again = start(experiment)
    log = again.communicate(timeout=500)[0]
    assert again.returncode == 0, log[-3000:]
    rows = read_rows(output / "data")
    ids = [row["trajectory_id"] for row in rows]
    assert len(ids) == len(set(ids)) == 2 * NUM_PROBLEMS
    assert all(path.read_bytes() == before for path, before in kept.items())
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["num_trajectories"] == 2 * NUM_PROBLEMS
    assert manifest["num_failed"] == 0
    assert manifest["num_tokens"] == sum(row["num_tokens"] for row in rows)
    # Random layers almost never end a turn; a run that does not goes to exactly its mode's limit.
    limits = {"short": 150, "long": 300}
    assert {row["finish_reason"] for row in rows} <= {"stop", "length"}
    assert all(row["num_tokens"] <= limits[row["mode"]] for row in rows)
    cut_off = [row for row in rows if row["finish_reason"] == "length"]
    assert cut_off
    assert all(row["num_tokens"] == limits[row["mode"]] for row in cut_off)


def test_a_finished_run_is_not_repeated(experiment):
    """The third start finds the manifest and does nothing; other settings are refused, nothing is lost."""
    started = time.monotonic()
    assert start(experiment).wait(60) == 0
    assert time.monotonic() - started < 30
    other = start([*experiment, "generate.seed=7"])
    log = other.communicate(timeout=60)[0]
    assert other.returncode == 2
    assert "seed: 0 -> seed: 7" in log
    assert "--force" in log
