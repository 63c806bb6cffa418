"""Problems from the user's own files, and every way to get them wrong."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems

TESTS = {"kind": "stdio", "inputs": ["1"], "outputs": ["2"]}


def write_jsonl(path, records):
    path.write_text("\n".join(record if isinstance(record, str) else json.dumps(record) for record in records))
    return str(path)


def load(path, kind="jsonl", **settings):
    return load_problems([SourceConfig(kind=kind, name="mine", path=str(path), **settings)])


def test_columns_are_mapped(tmp_path):
    """Datasets name their columns as they like."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"prompt": "why?", "key": 7, "level": "Hard", "tests": TESTS}, ""])
    columns = {"question": "prompt", "problem_id": "key", "difficulty": "level"}
    (row,) = load(path, columns=columns)
    assert (row["problem_id"], row["question"], row["difficulty"]) == ("mine/7", "why?", "hard")
    assert row["tests"]["inputs"] == ["1"]
    assert row["tests"]["setup"] is None


def test_a_glob_reads_all_files_and_ids_stay_unique(tmp_path):
    """Rows without ids of their own are named after file and line."""
    for name in ("a", "b"):
        write_jsonl(tmp_path / f"{name}.jsonl", [{"question": "1?"}, {"question": "2?"}])
    assert [row["problem_id"] for row in load(tmp_path / "*.jsonl")] == ["mine/a-1", "mine/a-2", "mine/b-1", "mine/b-2"]


def test_parquet_gives_the_same_rows(tmp_path):
    """The two formats are two ways to write one thing."""
    records = [{"question": "1?", "tests": TESTS}, {"question": "2?", "tests": None}]
    write_jsonl(tmp_path / "a.jsonl", records)
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet", row_group_size=1)
    from_parquet = load(tmp_path / "a.parquet", kind="parquet")
    assert [row | {"metadata": None} for row in from_parquet] == [
        row | {"metadata": None} for row in load(tmp_path / "a.jsonl")
    ]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ("{broken", r"bad\.jsonl, row 2.*no JSON"),
        ("[1]", r"bad\.jsonl, row 2.*no JSON object"),
        ({"question": "  "}, r"bad\.jsonl, row 2: question"),
        ({"question": None}, r"bad\.jsonl, row 2: question"),
        ({"text": "why?"}, r"no such column; it has text"),
        ({"question": "why?", "difficulty": "brutal"}, "brutal"),
        ({"question": "why?", "tests": "assert f(1)"}, "it is no test"),
        ({"question": "why?", "tests": {"kind": "magic"}}, "it is no test"),
        ({"question": "why?", "tests": {"kind": "python"}}, r"tests\.cases"),
        ({"question": "why?", "tests": {"kind": "python", "case": ["1"]}}, "no such key"),
        ({"question": "why?", "tests": TESTS | {"outputs": ["1", "2"]}}, "differ in number"),
    ],
)
def test_bad_rows_are_refused_by_name(tmp_path, record, message):
    """One bad row among thousands must be findable, and must not be dropped in silence."""
    path = write_jsonl(tmp_path / "bad.jsonl", [{"question": "fine?"}, record])
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.match(f"(?s){message}")


def test_missing_column_says_which_there_are(tmp_path):
    """The user sees the columns without opening the file."""
    pq.write_table(pa.Table.from_pylist([{"prompt": "why?", "id": 1}]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="it has id, prompt"):
        load(tmp_path / "a.parquet", kind="parquet")
    with pytest.raises(UserError, match=r"columns\.difficulty = 'level'"):
        load(tmp_path / "a.parquet", kind="parquet", columns={"question": "prompt", "difficulty": "level"})
    with pytest.raises(UserError, match="no field of a problem"):
        load(tmp_path / "a.parquet", kind="parquet", columns={"questions": "prompt"})


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_missing_file_is_refused(tmp_path, kind):
    """A glob that matches nothing is a mistake, not an empty source."""
    with pytest.raises(UserError, match="no file is there"):
        load(tmp_path / "*.none", kind=kind)


def test_a_file_of_another_format_is_refused(tmp_path):
    """Renaming a file does not make it Parquet."""
    (tmp_path / "a.parquet").write_text("{}")
    with pytest.raises(UserError, match="no Parquet file"):
        load(tmp_path / "a.parquet", kind="parquet")
