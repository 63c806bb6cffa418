"""Problems to curve through real Ray jobs: killed, continued, skipped, stopped, and with a variant that fails."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tests.processes import kill_commands
from z1ray.records import read_rows

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

ROOT = Path(__file__).parents[2]
STAGES = ("trajectories", "dataset", "checkpoint", "endpoint", "evaluation")
VARIANT = ("variants/long-only/dataset", "variants/long-only/checkpoint")
NUM_TRAINING, NUM_MEASURED = 400, 200
"""Problems of each difficulty, as in the demo."""
TWO_STANDARD_ERRORS = 0.03
"""Of the difference between two models on both difficulties, of which about a tenth of the answers differ."""
PATIENCE_S = 3600
"""For the whole pipeline, on a machine that is busy with other things too."""


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """A folder of runs, with the demo's experiment at two budgets."""
    folder: Path = tmp_path_factory.mktemp("runs")
    config = OmegaConf.load(ROOT / "conf" / "miniature.yaml")
    config.evaluate.budgets = [8, 64]
    # One that cannot be made, beside the demo's own.
    config.variants.broken = ["curate.tokenizer=/no/such/model"]
    OmegaConf.save(config, folder / "small.yaml")
    return folder


@pytest.fixture(scope="module")
def points(root) -> dict[tuple[str, str, int], dict[str, Any]]:
    """The curve by model, benchmark and budget."""
    found = json.loads((root / "miniature" / "curve.json").read_text())
    return {(point["model"], point["benchmark"], point["thinking_budget"]): point for point in found}


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    kill_commands("jobs/pipeline.py")


def start(root: Path, *words: str) -> subprocess.Popen[str]:
    # A shell's background job ignores Ctrl-C, and so would all that it starts.
    command = ["env", "--default-signal=INT", sys.executable, "jobs/pipeline.py"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    # Where other work would go; the head of its own counts.
    env |= dict.fromkeys(("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"), "http://127.0.0.1:9")
    return subprocess.Popen(
        [*command, "--config", str(root / "small.yaml"), f"root={root}", *words],
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
    assert not (root / "miniature" / "trajectories" / "manifest.json").exists()


@pytest.mark.timeout(PATIENCE_S + 100)
def test_the_whole_pipeline(root):
    """Every stage a Ray job: one folder each, and the curve, its plot and the report at the end.

    A variant that fails does not hold up the rest: it is told on one screen, and the status is not 0.
    """
    process = start(root)
    log = process.communicate(timeout=PATIENCE_S)[0]
    assert process.returncode == 1, log
    told = log[log.rindex("z1ray: curate (broken)") :]
    assert "/no/such/model" in told
    assert "remedy:" in told
    assert "Traceback" not in told
    run = root / "miniature"
    for stage in STAGES + VARIANT:
        assert (run / stage / "manifest.json").exists(), stage
        assert (run / stage / "config.yaml").exists(), stage
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert str(run / "report.html") in log


def test_the_table_of_variants_tells_of_all_that_were_made(root):
    """The one that failed is named as missing; the other is compared with the experiment's own model."""
    found = json.loads((root / "miniature" / "ablations.json").read_text())
    by_name = {one["model"]: one for one in found["ablations"]}
    assert list(by_name) == ["short+long", "base", "long-only"]
    assert by_name["long-only"]["num_tokens"] > by_name["short+long"]["num_tokens"] > 0
    assert by_name["long-only"]["results"][0]["mean_difference"]["num_problems"] == 3 * NUM_MEASURED + 40
    assert "broken" in (root / "miniature" / "ablations.md").read_text()


def test_rows_flow_without_loss(root):
    """Each trajectory is in the dataset exactly once, kept or with a reason, and training saw the kept ones."""
    run = root / "miniature"
    trajectories = [row["trajectory_id"] for row in read_rows(run / "trajectories" / "data")]
    examples = read_rows(run / "dataset" / "data")
    assert sorted(row["trajectory_id"] for row in examples) == sorted(trajectories)
    assert len(set(trajectories)) == len(trajectories) == 2 * NUM_TRAINING * (6 + 2)
    assert all((row["drop_reason"] is None) == row["kept"] for row in examples)
    kept = [row for row in examples if row["kept"]]
    assert all(row["verified"] for row in kept)
    assert len({row["problem_id"] for row in kept}) == len(kept) > NUM_TRAINING


def test_easy_problems_are_taught_short_and_hard_ones_long(root):
    """The shortest verified trajectory of the mode that mostly passes, against the longest in the variant."""
    datasets = {folder: read_rows(root / "miniature" / folder / "data") for folder in ("dataset", VARIANT[0])}
    modes = {
        folder: Counter((row["problem_id"].partition("/")[0], row["mode"]) for row in rows if row["kept"])
        for folder, rows in datasets.items()
    }
    own, longest = modes["dataset"], modes[VARIANT[0]]
    assert own["programs-easy", "short"] > own["programs-easy", "long"]
    assert own["programs-hard", "long"] > own["programs-hard", "short"]
    assert longest["programs-easy", "long"] > longest["programs-easy", "short"]


def test_the_curve_rises(points):
    """Hard problems gain from the budget, and easy ones do without it: the paper's claim, small."""
    for model in ("base", "long-only", "short+long"):
        gain = points[model, "programs-hard", 64]["accuracy"] - points[model, "programs-hard", 8]["accuracy"]
        assert gain >= 0.25, (model, gain)


def test_short_trajectories_save_tokens_at_equal_accuracy(points):
    """On both difficulties together, at the largest budget."""
    accuracy, tokens = (
        {
            model: sum(points[model, benchmark, 64][field] for benchmark in ("programs-easy", "programs-hard")) / 2
            for model in ("long-only", "short+long")
        }
        for field in ("accuracy", "mean_thinking_tokens")
    )
    assert tokens["short+long"] <= 0.7 * tokens["long-only"]
    assert accuracy["short+long"] >= accuracy["long-only"] - TWO_STANDARD_ERRORS


def test_report_is_self_contained_and_complete(root):
    """The report opens anywhere: no outside reference, and every part of the run in it."""
    page = (root / "miniature" / "report.html").read_text()
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    for part in ("Test-time scaling", "What ran", "Dataset", "Training", "Endpoint", "Sample trajectories"):
        assert f"<h2>{part}</h2>" in page
    assert page.count("data:image/png;base64,") == 1
    assert "<svg" in page


def test_a_done_run_is_skipped_without_starting_ray(root):
    """The second run costs seconds, once the variant that cannot be made is left out."""
    process = start(root, "variants.broken=null")
    log = process.communicate(timeout=400)[0]
    assert process.returncode == 0
    assert "every stage is done" in log
    assert "dashboard" not in log


def test_no_secret_is_left_behind(root):
    """The head's token is for this run only; logs may be shared."""
    for path in (root / "miniature").rglob("*"):
        if path.is_file() and path.suffix in {".log", ".json", ".yaml", ".html"}:
            assert not re.search(r"RAY_AUTH_TOKEN\W+[0-9a-f]{64}", path.read_text(errors="replace")), path
