"""Generation on real engines: complete, resumable after SIGKILL, several teachers, and honest about bad rows."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import read_rows, request_seed
from z1ray.trajectories import table
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.generate import generate

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

ROOT = Path(__file__).parents[2]
NUM_PROBLEMS = 20

GOOD = {str(i): f"Write function number {i}." for i in range(6)}
BAD = {"blank": " ", "control": "Add \x00 numbers.", "endless": "word " * 2100}
REASONS = ("unusable problem", "control character", "over the context")


class Run:
    """Two teachers that answer good and bad questions; first allowed no bad one, then all."""

    def __init__(self, folder: Path, model: Path) -> None:
        self.output = folder / "trajectories"
        questions = folder / "problems.jsonl"
        rows = [{"problem_id": name, "question": text} for name, text in (GOOD | BAD).items()]
        questions.write_text("\n".join(json.dumps(row) for row in rows))
        # The same weights under two names: which teacher wrote a row shows in its `model`.
        self.models = {"brief": str(model), "patient": str(folder / "patient")}
        Path(self.models["patient"]).symlink_to(model)
        self.source = SourceConfig(kind="jsonl", path=str(questions), name="file")
        self.refusal = self.refused()
        self.files = self.data()
        self.manifest = generate(self.config(1.0), self.output)

    def config(self, share: float) -> GenerateConfig:
        """The run's settings, but for the share of bad rows it allows."""
        engine = EngineConfig(device="cpu", dtype="float32", max_model_len=2048, max_num_seqs=4, enforce_eager=True)
        return GenerateConfig(
            teachers={name: TeacherConfig(model=model, engine=engine) for name, model in self.models.items()},
            problems=[self.source],
            modes={
                "short": ModeConfig(teacher="brief", max_tokens=8),
                "long": ModeConfig(teacher="patient", max_tokens=24, samples_per_problem=2, system_prompt="Think."),
            },
            seed=5,
            max_quarantined_share=share,
            batch_size=4,
            rows_per_file=8,
        )

    def refused(self) -> str:
        """Run to the end and be refused for the bad rows; the message."""
        with pytest.raises(UserError) as caught:
            generate(self.config(0.1), self.output)
        return str(caught.value)

    def data(self) -> dict[Path, bytes]:
        """The files of rows."""
        return {path: path.read_bytes() for path in (self.output / "data").iterdir()}


@pytest.fixture(scope="module")
def run(tiny_model, ray_cluster, tmp_path_factory) -> Run:
    """One start of two engines for all tests that look at what it left."""
    return Run(tmp_path_factory.mktemp("teachers"), tiny_model)


def test_every_request_has_one_row_of_its_own_teacher_and_seed(run):
    """Nothing lost, nothing doubled, and each row says how to make it again."""
    requests = {row["request"]: row for part in table.parts(run.output) for row in read_rows(part)}
    rows = read_rows(run.output / "data")
    assert sorted(row["request"] for row in rows) == list(range(9 * 3)) == sorted(requests)
    for row in rows:
        assert row["trajectory_id"] == requests[row["request"]]["trajectory_id"]
        assert row["model"] == run.models["brief" if row["mode"] == "short" else "patient"]
        assert json.loads(row["sampling"])["seed"] == request_seed(5, row["trajectory_id"])
        assert json.loads(row["sampling"])["max_tokens"] == (8 if row["mode"] == "short" else 24)
        assert row["messages"][-1]["content"] == requests[row["request"]]["question"]
    answered = [row for row in rows if row["error"] is None]
    assert len(answered) == 6 * 3
    assert all(row["text"] is not None and row["num_tokens"] > 0 and row["num_prompt_tokens"] > 0 for row in answered)
    assert [requests[i]["mode"] for i in range(27)] == ["long"] * 18 + ["short"] * 9


def test_bad_questions_are_rows_with_their_reasons(run):
    """They cost themselves and nothing else, and the manifest counts them."""
    quarantined = [row for row in read_rows(run.output / "data") if row["error"] is not None]
    assert Counter(row["error"].partition(":")[0] for row in quarantined) == dict.fromkeys(REASONS, 3)
    for row in quarantined:
        assert (row["finish_reason"], row["text"], row["num_tokens"]) == ("error", None, 0)
    assert run.manifest["num_trajectories"] == 27
    assert run.manifest["num_quarantined"] == 9


def test_too_many_bad_questions_are_refused_and_their_rows_kept(run):
    """Over the share the run fails, naming number and reasons; allowed more, it ends without an engine."""
    for part in ("9 of 27", *REASONS, "max_quarantined_share"):
        assert part in run.refusal
    assert run.data() == run.files
    assert len(list((run.output / "runs").iterdir())) == 1


def test_force_clears_only_for_what_can_be_done(run):
    """A mistyped source or model beside --force must not cost the rows that are there."""
    before = run.data()
    run.source = SourceConfig(kind="jsonl", path="/no/such/file.jsonl", name="file")
    with pytest.raises(UserError, match=r"/no/such/file\.jsonl"):
        generate(run.config(1.0), run.output, force=True)
    run.models["brief"] = "/no/such/model"
    with pytest.raises(UserError, match=r"teachers\.brief\.model"):
        generate(run.config(1.0), run.output, force=True)
    assert run.data() == before


@pytest.fixture(scope="module")
def experiment(tiny_model, tmp_path_factory) -> list[str]:
    """Words that make conf/local.yaml generate from a file of problems with the tiny model."""
    folder = tmp_path_factory.mktemp("generate")
    questions = folder / "problems.jsonl"
    rows = [{"problem_id": str(i), "question": f"Write function number {i}."} for i in range(NUM_PROBLEMS)]
    questions.write_text("\n".join(json.dumps(row) for row in rows))
    return [
        *("--config", "conf/local.yaml", f"root={folder}", f"generate.teachers.smollm2.model={tiny_model}"),
        f"generate.problems=[{{kind: jsonl, path: {questions}, name: file}}]",
        *("generate.modes.short.max_tokens=150", "generate.modes.long.max_tokens=300"),
        *("generate.batch_size=2", "generate.rows_per_file=2", "generate.teachers.smollm2.engine.max_num_seqs=2"),
    ]


def start(words: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, "jobs/generate.py", *words]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_killed_run_continues_without_losing_or_doubling(experiment):
    """SIGKILL in the middle, same command again: every id once, and finished rows are not generated anew."""
    output = Path(experiment[2].removeprefix("root=")) / "local" / "trajectories"
    done = output / "done" / "smollm2"
    process = start(experiment)
    try:
        deadline = time.monotonic() + 300
        while len(list(done.glob("*.parquet"))) < 3 and time.monotonic() < deadline:
            assert process.poll() is None, process.communicate()[0][-3000:]
            time.sleep(0.05)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    committed = [path.name for path in done.glob("*.parquet") if ".pending" not in path.name]
    kept = {path: path.read_bytes() for path in (output / "data").glob("*.parquet") if path.name[:40] in str(committed)}
    assert kept
    assert not (output / "manifest.json").exists()

    again = start(experiment)
    log = again.communicate(timeout=500)[0]
    assert again.returncode == 0, log[-3000:]
    # Workers may have finished a file after the driver's end.
    told = re.search(rf"resuming: (\d+) of {2 * NUM_PROBLEMS} requests are done", log)
    assert told is not None
    assert 2 * len(committed) <= int(told[1]) < 2 * NUM_PROBLEMS
    rows = read_rows(output / "data")
    ids = [row["trajectory_id"] for row in rows]
    assert len(ids) == len(set(ids)) == 2 * NUM_PROBLEMS
    assert all(path.read_bytes() == before for path, before in kept.items())
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["num_trajectories"] == 2 * NUM_PROBLEMS
    assert manifest["num_quarantined"] == 0
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
