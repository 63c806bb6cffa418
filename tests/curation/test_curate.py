"""The stage on a small folder of trajectories that holds one row for every reason to be dropped."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.processes import kill_tree
from tests.scrape import samples
from z1ray import artifacts
from z1ray.curation.config import CurateConfig
from z1ray.curation.curate import curate
from z1ray.curation.report import CONTAMINATED
from z1ray.curation.tokens import load_tokenizer
from z1ray.curation.view.page import PAGE
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.records import EXAMPLE, PROBLEM, TRAJECTORY, Row, problem, read_rows, trajectory_id, write_rows
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig

pytestmark = pytest.mark.ray

HUMANEVAL = SourceConfig(kind="humaneval", limit=4)
DOUBLE = {"kind": "python", "cases": ["assert double(2) == 4", "assert double(5) == 10"]}
RIGHT = "<think>\nTwice the number.\n</think>\n```python\ndef double(x):\n    return 2 * x\n```"
LONG = "I start with the sum, since doubling is adding a number to itself. " * 6 + RIGHT.replace("2 * x", "x + x")

# (problem, mode, sample): text, changed columns, and what becomes of it
ROWS: dict[Any, Any] = {
    ("double", "short", 0): (RIGHT, {}, None),
    ("double", "long", 0): (LONG, {}, None),
    ("double", "short", 1): (RIGHT.replace("2 * x", "x"), {}, "tests_failed"),
    ("double", "short", 2): (RIGHT, {}, "duplicate"),
    ("double", "long", 1): ("```python\nwhile True: pass\n```", {}, "tests_failed"),
    ("double", "long", 2): ("```python\ndef double(", {"finish_reason": "length"}, "truncated"),
    ("double", "long", 3): ("<think>\n\n</think>", {}, "empty"),
    ("double", "long", 4): (None, {"finish_reason": "error", "error": "too long", "num_tokens": 0}, "failed"),
    ("copied", "short", 0): (RIGHT, {}, "contaminated"),
    ("open", "short", 0): ("It depends on whom you ask.", {}, "unverified"),
}


def name_of(key):
    return trajectory_id(f"mine/{key[0]}", key[1], key[2])


REASONS = {name_of(key): reason for key, (_, _, reason) in ROWS.items()}


def write_trajectories(folder, problems, rows):
    config = GenerateConfig(
        teachers={"t": TeacherConfig(model="m")},
        problems=[SourceConfig(kind="jsonl", path="x")],
        modes={"short": ModeConfig(), "long": ModeConfig()},
    )
    artifacts.begin(folder, config)
    write_rows(problems, folder / "problems.parquet", PROBLEM)
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        write_rows(part, folder / "data" / f"{number}.parquet", TRAJECTORY)
    artifacts.finish(folder, time.time())
    return str(folder)


def some_problems(*, tests=True):
    copied = load_problems([HUMANEVAL])[0]["question"]
    return [
        problem(problem_id="mine/double", source="mine", question="Double it.", tests=DOUBLE if tests else None),
        problem(problem_id="mine/copied", source="mine", question=f"Please: {copied}", tests=DOUBLE if tests else None),
        problem(problem_id="mine/open", source="mine", question="Who is right?"),
    ]


def some_rows():
    blank: Row = {**dict.fromkeys(TRAJECTORY.names), "num_tokens": 999, "finish_reason": "stop"}
    return [
        {
            **blank,
            "trajectory_id": name_of(key),
            "problem_id": f"mine/{key[0]}",
            "mode": key[1],
            "sample": key[2],
            "text": text,
            **changes,
        }
        for key, (text, changes, _) in ROWS.items()
    ]


def make_config(folder, smollm2):
    return CurateConfig(
        trajectories=write_trajectories(folder / "trajectories", some_problems(), some_rows()),
        tokenizer=str(smollm2),
        keep="verified",
        benchmarks=[HUMANEVAL],
        parallelism=2,
        sandbox=SandboxConfig(timeout_s=3),
    )


@pytest.fixture
def config(tmp_path, smollm2, ray_cluster):
    return make_config(tmp_path, smollm2)


class Finished(NamedTuple):
    """A run that several tests look at."""

    config: CurateConfig
    output: Path
    manifest: dict[str, Any]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, smollm2, ray_cluster):
    folder = tmp_path_factory.mktemp("finished")
    config = make_config(folder, smollm2)
    return Finished(config, folder / "dataset", curate(config, folder / "dataset"))


def examples_of(output):
    return {row["trajectory_id"]: row for row in read_rows(output / "data")}


def test_every_row_comes_out_once_with_its_reason(finished):
    """A row lost or doubled in silence would change the training set without a trace."""
    _, output, manifest = finished
    rows = read_rows(output / "data")
    assert sorted(row["trajectory_id"] for row in rows) == sorted(REASONS)
    assert {row["trajectory_id"]: row["drop_reason"] for row in rows} == REASONS
    assert all(row["kept"] == (row["drop_reason"] is None) for row in rows)
    assert list(rows[0]) == EXAMPLE.names
    assert (manifest["num_rows"], manifest["num_kept"]) == (10, 2)
    assert manifest["dropped"]["tests_failed"] == 2
    assert manifest["verified"] == {"passed": 3, "failed": 2, "not_run": 5}
    assert manifest["verdicts"] == {"passed": 3, "failed": 1, "timeout": 1, "no_tests": 1}
    assert manifest["sandbox"] == ["bubblewrap"]
    assert manifest["funnel"][0] == {"step": "trajectories", "rows": 10, "tokens": manifest["funnel"][0]["tokens"]}
    assert [step["rows"] for step in manifest["funnel"]][-1] == manifest["num_kept"]
    assert not (output / "work").exists()


def test_facts_are_recorded(finished):
    """The columns say what was found, so that a user can judge each decision."""
    rows = examples_of(finished.output)
    kept = rows[name_of(("double", "short", 0))]
    assert kept["text"] == "Twice the number.\n```python\ndef double(x):\n    return 2 * x\n```"
    assert kept["question"] == "Double it."
    assert (kept["verified"], kept["verdict"]) == (True, "passed")
    encoded = load_tokenizer(finished.config.tokenizer).encode(kept["text"], add_special_tokens=False)
    assert kept["num_tokens"] == len(encoded.ids)
    assert rows[name_of(("double", "short", 2))]["duplicate_of"] == kept["trajectory_id"]
    assert rows[name_of(("copied", "short", 0))]["contaminated_by"].startswith("humaneval/")
    assert rows[name_of(("double", "long", 4))]["num_tokens"] == 0
    assert rows[name_of(("double", "long", 1))]["verdict"] == "timeout"


def test_the_contamination_report_names_row_item_and_words(finished):
    """A user judges by the words that are shared, not by a verdict."""
    (line,) = (json.loads(text) for text in (finished.output / CONTAMINATED).read_text().splitlines())
    assert line["trajectory_id"] == name_of(("copied", "short", 0))
    assert (line["problem_id"], line["found_in"]) == ("mine/copied", "question")
    assert line["contaminated_by"].startswith("humaneval/")
    assert len(line["shared_words"].split()) == finished.config.contamination_ngram


def test_progress_metrics_and_the_dataset_as_others_read_it(config, tmp_path, capsys):
    """Lines and metrics while it runs; afterwards ``datasets`` and a browser read the folder as it is."""
    output = tmp_path / "dataset"
    manifest = curate(config, output)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("z1ray | curate: ")]
    assert any("rows: 10/10 rows (100 %)" in line for line in lines)
    assert any(line.startswith("z1ray | curate: kept 2 of 10 rows, dropped tests_failed 2") for line in lines)
    read = load_dataset_elsewhere(output, tmp_path)
    assert read == {"train": manifest["num_kept"], "dropped": manifest["num_rows"] - manifest["num_kept"]}
    page = (output / PAGE).read_text()
    assert '<a href="#tests_failed">' in page
    assert '<section id="tests_failed">' in page
    assert name_of(("double", "short", 1)) in page
    until_scraped("ray_z1ray_curate_dropped_rows", {"reason": "tests_failed"}, 2)
    until_scraped("ray_z1ray_curate_kept_rows", {}, 2)
    until_scraped("ray_z1ray_curate_rows_left", {"phase": "tests"}, 0)


def load_dataset_elsewhere(folder, tmp_path):
    """Rows per split, in a process of its own: ``datasets`` is a heavy import and keeps a cache."""
    load = "{name: len(split) for name, split in datasets.load_dataset(sys.argv[1]).items()}"
    code = f"import datasets, json, sys; print(json.dumps({load}))"
    environment = {**os.environ, "HF_DATASETS_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def until_scraped(name, labels, value):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(
            sample.name == name and sample.value == value and labels.items() <= sample.labels.items()
            for sample in samples()
        ):
            return
        time.sleep(0.5)
    raise AssertionError(f"{name} {labels} never was {value}")


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
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_repeated_questions_are_dropped_or_merged(config, tmp_path):
    """Of problems that ask the same, each mode keeps the one with the best row; merged, only equal answers go."""
    texts = {"a": "The first answer.", "b": "A longer second answer to it.", "c": "the first answer"}
    questions = {"a": "How much is it?", "b": "how much is it", "c": "HOW MUCH IS IT?!"}
    problems = [problem(problem_id=name, source="mine", question=text) for name, text in questions.items()]
    blank = some_rows()[0]
    rows = [
        {**blank, "trajectory_id": trajectory_id(name, "short", 0), "problem_id": name, "text": text}
        for name, text in texts.items()
    ]
    rows.append({**rows[0], "trajectory_id": trajectory_id("a", "long", 0), "mode": "long", "text": "Other words."})
    source = write_trajectories(tmp_path / "same", problems, rows)
    settings = replace(config, trajectories=source, keep="any", benchmarks=[])
    curate(settings, tmp_path / "dropped")
    found = {name: row["drop_reason"] for name, row in examples_of(tmp_path / "dropped").items()}
    assert found == {
        "a#short#0": "duplicate_question",
        "b#short#0": None,
        "c#short#0": "duplicate_question",
        "a#long#0": None,
    }
    assert examples_of(tmp_path / "dropped")["a#short#0"]["duplicate_of"] == "b#short#0"
    curate(replace(settings, duplicate_questions="merge"), tmp_path / "merged")
    merged = examples_of(tmp_path / "merged")
    assert [name for name, row in sorted(merged.items()) if not row["kept"]] == ["c#short#0"]
    assert merged["c#short#0"]["duplicate_of"] == "a#short#0"


def test_of_equal_responses_the_verified_one_stays(config, tmp_path):
    """Verified first, then the longest, then by id."""
    other = {**DOUBLE, "cases": ["assert double(2) == 5"]}
    problems = [
        problem(problem_id="mine/a", source="mine", question="Double it.", tests=other),
        problem(problem_id="mine/b", source="mine", question="double it", tests=DOUBLE),
    ]
    blank = some_rows()[0]
    rows = [
        {**blank, "trajectory_id": trajectory_id(name, "short", 0), "problem_id": name, "text": text}
        for name, text in (("mine/a", LONG), ("mine/b", RIGHT))
    ]
    source = write_trajectories(tmp_path / "same", problems, rows)
    curate(replace(config, trajectories=source, keep="any", benchmarks=[]), tmp_path / "dataset")
    found = examples_of(tmp_path / "dataset")
    assert found["mine/b#short#0"]["kept"]
    assert found["mine/a#short#0"]["duplicate_of"] == "mine/b#short#0"


def test_two_rows_of_one_id_are_refused(config, tmp_path):
    """Nobody could say which of the two was meant."""
    source = write_trajectories(tmp_path / "twice", some_problems(), [*some_rows(), some_rows()[0]])
    with pytest.raises(UserError, match="two rows have this id"):
        curate(replace(config, trajectories=source), tmp_path / "dataset")


def test_keep_any_records_verdicts_and_keeps_the_rest(config, tmp_path):
    """The paper does not filter by tests, but a user wants to know."""
    loose = replace(config, keep="any", keep_truncated=True, benchmarks=[], token_budget=10_000)
    manifest = curate(loose, tmp_path / "dataset")
    rows = examples_of(tmp_path / "dataset")
    assert {row["drop_reason"] for row in rows.values()} == {None, "empty", "failed", "duplicate"}
    assert rows[name_of(("open", "short", 0))]["kept"]
    assert rows[name_of(("open", "short", 0))]["verdict"] == "no_tests"
    assert rows[name_of(("copied", "short", 0))]["kept"]  # an equal answer, but to another question
    assert manifest["dropped"] == {"failed": 1, "empty": 1, "duplicate": 1}


def test_token_budget_selects(config, tmp_path):
    """What is over the budget says so, and a finished folder is not done again."""
    tight = replace(config, token_budget=50, selection="shortest")
    manifest = curate(tight, tmp_path / "dataset")
    rows = examples_of(tmp_path / "dataset")
    assert rows[name_of(("double", "long", 0))]["drop_reason"] == "over_token_budget"
    assert manifest["num_kept"] == 1
    assert 0 < manifest["num_tokens"] <= 50
    assert curate(tight, tmp_path / "dataset") == manifest


def test_nothing_left_is_an_error_that_loses_nothing(config, tmp_path):
    """Training on nothing would fail later and less clearly; the reasons are written first."""
    output = tmp_path / "dataset"
    with pytest.raises(UserError, match=r"over_token_budget 2") as caught:
        curate(replace(config, token_budget=1), output)
    assert "tests_failed 2" in str(caught.value)
    assert "--force" in caught.value.remedy
    assert set(examples_of(output)) == set(REASONS)
    assert not (output / artifacts.MANIFEST).exists()
    assert curate(config, output, force=True)["num_kept"] == 2


def test_verified_without_tests_is_refused(config, tmp_path):
    """Nothing could be kept; the user hears of it before anything runs."""
    source = write_trajectories(tmp_path / "untested", some_problems(tests=False), some_rows())
    with pytest.raises(UserError, match=r"none of the 3 problems"):
        curate(replace(config, trajectories=source), tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()


def test_missing_inputs_are_refused(config, tmp_path):
    """Each by its field, before the output folder is begun."""
    with pytest.raises(UserError, match=r"curate\.tokenizer"):
        curate(replace(config, tokenizer=str(tmp_path / "none")), tmp_path / "dataset")
    with pytest.raises(UserError, match="no finished stage"):
        curate(replace(config, trajectories=str(tmp_path / "none")), tmp_path / "dataset")
    with pytest.raises(UserError, match=r"curate\.tokenizer = 'nobody/none'"):
        curate(replace(config, tokenizer="nobody/none"), tmp_path / "dataset")
    assert not (tmp_path / "dataset").exists()
