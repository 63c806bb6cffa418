"""Generation on real engines: complete, several teachers, and honest about bad rows."""

import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import read_rows, request_seed
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.generate import generate
from z1ray.trajectories.requests import table

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

GOOD = {str(i): f"Write function number {i}." for i in range(6)}
BAD = {"blank": " ", "control": "Add \x00 numbers.", "endless": "word " * 2100}
REASONS = ("unusable problem", "control character", "over the context")


class Run:
    """Two teachers that answer good and bad questions; first allowed few bad ones, then all.

    One engine is split over two tensor-parallel workers.
    """

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
        engines = {"brief": engine, "patient": dataclasses.replace(engine, tensor_parallel_size=2, cpu_threads=1)}
        return GenerateConfig(
            teachers={name: TeacherConfig(model=self.models[name], engine=engines[name]) for name in engines},
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
def run(quick_model, ray_cluster, tmp_path_factory) -> Run:
    """One start of two engines for all tests that look at what it left."""
    return Run(tmp_path_factory.mktemp("teachers"), quick_model)


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
        limit = json.loads(row["sampling"])["max_tokens"]
        assert row["num_tokens"] == limit if row["finish_reason"] == "length" else row["num_tokens"] <= limit
    answered = [row for row in rows if row["error"] is None]
    assert len(answered) == 6 * 3
    # Random layers almost never end a turn.
    assert "length" in {row["finish_reason"] for row in answered} <= {"stop", "length"}
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
    before, good = run.data(), run.config(1.0)
    nowhere = SourceConfig(kind="jsonl", path="/no/such/file.jsonl", name="file")
    with pytest.raises(UserError, match=r"/no/such/file\.jsonl"):
        generate(dataclasses.replace(good, problems=[nowhere]), run.output, force=True)
    nobody = {**good.teachers, "brief": TeacherConfig(model="/no/such/model")}
    with pytest.raises(UserError, match=r"teachers\.brief\.model"):
        generate(dataclasses.replace(good, teachers=nobody), run.output, force=True)
    assert run.data() == before


def test_a_finished_run_is_not_repeated(run):
    """Asked for again it finds its manifest and does nothing; other settings are refused, nothing is lost."""
    before = run.data()
    assert generate(run.config(1.0), run.output) == run.manifest
    other = dataclasses.replace(run.config(1.0), seed=7)
    with pytest.raises(UserError, match=r"(?s)seed: 5 -> 7.*--force"):
        generate(other, run.output)
    assert run.data() == before


def test_one_more_source_and_sample_extend_a_finished_run(run, tmp_path):
    """Rows that are there stay as they are, and only what is missing is asked; runs last, for it changes the folder."""
    more = tmp_path / "more.jsonl"
    more.write_text(json.dumps({"problem_id": "new", "question": "Write one more function."}))
    before = run.config(1.0)
    modes = {**before.modes, "short": dataclasses.replace(before.modes["short"], samples_per_problem=2)}
    source = SourceConfig(kind="jsonl", path=str(more), name="more")
    larger = dataclasses.replace(before, problems=[run.source, source], modes=modes)
    old = {row["trajectory_id"]: row for row in read_rows(run.output / "data")}
    manifest = generate(larger, run.output)
    rows = read_rows(run.output / "data")
    assert {row["trajectory_id"]: row for row in rows} | old == {row["trajectory_id"]: row for row in rows}
    assert len(rows) == manifest["num_trajectories"] == 10 * 4
    with pytest.raises(UserError, match="not set"):
        generate(before, run.output)
