"""Hub datasets, read through the real library from a local folder."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems


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
