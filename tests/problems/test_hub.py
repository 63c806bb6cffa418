"""Hub datasets, read through the real library from a local folder."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems import choice
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems, load_problems


@pytest.fixture
def dataset(tmp_path, monkeypatch):
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "set"
    folder.mkdir()
    pq.write_table(pa.Table.from_pylist([{"q": "1?", "a": "x"}, {"q": "2?", "a": "y"}]), folder / "train.parquet")
    return str(folder)


def test_rows_come_from_the_named_split(dataset):
    """The same settings that name a hub dataset read a copy of it."""
    rows = load_problems([SourceConfig(kind="hub", path=dataset, columns={"question": "q"})])
    assert [(row["problem_id"], row["question"]) for row in rows] == [("hub/0", "1?"), ("hub/1", "2?")]


DATA = Path(__file__).parent / "benchmarks" / "data"


@pytest.mark.parametrize(
    "layout",
    ["math500", "mbpp", "bigcodebench"],
)
def test_files_in_a_published_layout_give_the_same_rows_as_the_hub(dataset, tmp_path, layout):
    """A figure measured without a network is that of the benchmark."""
    jsonl = DATA / f"{layout}.jsonl"
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copy(jsonl, folder / "test.jsonl")
    records = [json.loads(line) for line in jsonl.read_text().splitlines()]
    of_files = load_problems([SourceConfig(kind="jsonl", path=str(jsonl), layout=layout)])
    assert of_files == load_problems([SourceConfig(kind="hub", path=str(folder), split="test", layout=layout)])
    if layout != "evalplus":  # whose inputs are of mixed types, which a Parquet column is not
        pq.write_table(pa.Table.from_pylist(records), tmp_path / "x.parquet")
        assert of_files == load_problems(
            [SourceConfig(kind="parquet", path=str(tmp_path / "x.parquet"), layout=layout)]
        )


def test_a_configuration_is_named(dataset):
    """GPQA's diamond is one of several tables under one name."""
    folder = Path(dataset)
    for name in ("main", "diamond"):
        (folder / name).mkdir()
        (folder / name / "rows.jsonl").write_text(json.dumps({"question": f"{name}?"}))
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files: main/*.jsonl\n"
        "- config_name: diamond\n  data_files: diamond/*.jsonl\n---\n"
    )
    (row,) = load_problems([SourceConfig(kind="hub", path=dataset, configuration="diamond")])
    assert row["question"] == "diamond?"
    with pytest.raises(UserError, match=r"(?s)absent.*configuration"):
        load_problems([SourceConfig(kind="hub", path=dataset, configuration="absent")])


def test_a_revision_goes_to_the_library(dataset, monkeypatch):
    """A commit names the same rows for ever."""
    import datasets

    asked = []
    load = datasets.load_dataset

    def noted(*names, **settings):
        asked.append(settings["revision"])
        return load(*names, **settings)

    monkeypatch.setattr(datasets, "load_dataset", noted)
    load_problems([SourceConfig(kind="hub", path=dataset, columns={"question": "q"}, revision="abc123")])
    assert asked == ["abc123"]
    with pytest.raises(UserError, match="revision abc123"):
        load_problems([SourceConfig(kind="hub", path="nobody-here/no-such-dataset", revision="abc123")])


@pytest.mark.parametrize("setting", ["configuration", "revision", "layout"])
def test_settings_of_other_kinds_are_refused(setting):
    """A revision of an installed package would be ignored in silence."""
    settings: dict[str, Any] = {setting: "aime"}
    with pytest.raises(UserError, match=setting):
        SourceConfig(kind="humaneval", **settings)


def test_a_limit_does_not_fetch_everything(dataset, tmp_path, monkeypatch):
    """1,000 problems of a set of terabytes: rows are chosen among the first, and the rest is not asked for."""
    folder = tmp_path / "long"
    folder.mkdir()
    for number in range(4):
        rows = [{"question": f"{number}-{row}?"} for row in range(600)]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"train-{number}-of-4.parquet")
    monkeypatch.setattr(choice, "_HUB_ROWS", 10)
    (folder / "train-3-of-4.parquet").write_text("whoever reads this fails")
    source = SourceConfig(kind="hub", path=str(folder), limit=1, seed=3)
    (row,) = iter_problems([source])
    assert row == next(iter_problems([source]))
    numbers = {int(next(iter_problems([replace(source, seed=seed)]))["problem_id"][4:]) for seed in range(12)}
    assert len(numbers) > 1
    assert max(numbers) < 10
    with pytest.raises(UserError, match="check the name"):
        list(iter_problems([replace(source, limit=None)]))


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_limit_of_a_small_set_chooses_as_from_a_file(dataset, tmp_path, suffix):
    """Streamed or not, the same settings name the same problems."""
    folder = tmp_path / "small"
    folder.mkdir()
    records = [{"question": f"{number}?", "problem_id": f"{number}"} for number in range(30)]
    (tmp_path / "copy.jsonl").write_text("\n".join(map(json.dumps, records)))
    if suffix == "jsonl":
        shutil.copy(tmp_path / "copy.jsonl", folder / "train.jsonl")
    else:
        pq.write_table(pa.Table.from_pylist(records), folder / "train.parquet")
    of_hub = load_problems([SourceConfig(kind="hub", name="s", path=str(folder), limit=5)])
    of_file = load_problems([SourceConfig(kind="jsonl", name="s", path=str(tmp_path / "copy.jsonl"), limit=5)])
    assert [row["problem_id"] for row in of_hub] == [row["problem_id"] for row in of_file]


def test_unknown_split_and_column_are_refused(dataset):
    """The library's own traceback is many screens long."""
    with pytest.raises(UserError, match="nosplit"):
        load_problems([SourceConfig(kind="hub", path=dataset, split="nosplit")])
    with pytest.raises(UserError, match="it has a, q"):
        load_problems([SourceConfig(kind="hub", path=dataset)])
    with pytest.raises(UserError, match=r"(?s)'hub': columns\.difficulty = 'A'.*did you mean 'a'"):
        load_problems([SourceConfig(kind="hub", path=dataset, columns={"question": "q", "difficulty": "A"})])


def test_a_dataset_out_of_reach_is_refused():
    """Without a network, or with a mistyped name, the error says what to check."""
    with pytest.raises(UserError, match="hub is in reach"):
        load_problems([SourceConfig(kind="hub", path="nobody-here/no-such-dataset")])


@pytest.mark.parametrize("name", ["a/b/c", "no such name", "trailing-"])
def test_a_malformed_name_is_refused(name):
    """A name that no dataset can have is the user's mistake, as one that is not there."""
    with pytest.raises(UserError, match="check the name"):
        load_problems([SourceConfig(kind="hub", path=name)])


def test_a_dataset_of_broken_files_is_refused(tmp_path, monkeypatch):
    """Files that make no table fail deep inside the library."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "train.parquet").write_text("{}")
    with pytest.raises(UserError, match="check the name"):
        load_problems([SourceConfig(kind="hub", path=str(tmp_path / "set"))])
