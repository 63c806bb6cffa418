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


def test_a_dataset_out_of_reach_is_refused():
    """Without a network, or with a mistyped name, the error says what to check."""
    with pytest.raises(UserError, match="hub is in reach"):
        load_problems([SourceConfig(kind="hub", path="nobody-here/no-such-dataset")])
