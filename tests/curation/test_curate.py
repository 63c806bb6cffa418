"""The stage on a small folder of trajectories that holds one row for every reason to be dropped."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from tests.curation.made import (
    REASONS,
    examples_of,
    name_of,
    some_problems,
    some_rows,
    write_trajectories,
)
from tests.scrape import samples
from z1ray import artifacts
from z1ray.curation.curate import curate
from z1ray.curation.report import CONTAMINATED
from z1ray.curation.tokens import load_tokenizer
from z1ray.curation.view.page import PAGE
from z1ray.errors import UserError
from z1ray.records import EXAMPLE, read_rows

pytestmark = pytest.mark.ray


def test_every_row_comes_out_once_with_its_reason(finished):
    """A row lost or doubled in silence would change the training set without a trace."""
    output, manifest = finished.output, finished.manifest
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


# Before any other run of this process: metrics are those of the last one.
def test_progress_metrics_and_the_dataset_as_others_read_it(finished, tmp_path):
    """Lines and metrics while it runs; afterwards ``datasets`` and a browser read the folder as it is."""
    output, manifest = finished.output, finished.manifest
    lines = [line for line in finished.lines if line.startswith("z1ray | curate: ")]
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
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        if any(
            sample.name == name and sample.value == value and labels.items() <= sample.labels.items()
            for sample in samples()
        ):
            return
        time.sleep(0.5)
    raise AssertionError(f"{name} {labels} never was {value}")


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
