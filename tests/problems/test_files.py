"""Problems from the user's own files, and every way to get them wrong."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems, load_problems
from z1ray.records import PROBLEM, read_rows, write_rows

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


BAD_ROWS = [
    ("{broken", r"bad\.jsonl, row 2.*no JSON"),
    ("[1]", r"bad\.jsonl, row 2.*no JSON object"),
    ("[" * 100_000, r"bad\.jsonl, row 2.*no JSON"),
    ({"question": "  "}, r"bad\.jsonl, row 2: question.*is empty"),
    ({"question": None}, r"bad\.jsonl, row 2: question.*is missing"),
    ({"question": 5}, r"bad\.jsonl, row 2: question.*no text but int"),
    ({"question": "half \ud800"}, r"bad\.jsonl, row 2: question.*lone surrogate"),
    ({"text": "why?"}, r"bad\.jsonl, row 2: question.*is missing"),
    ({"question": "why?", "problem_id": ["a"]}, r"row 2: problem_id"),
    ({"question": "why?", "difficulty": "brutal"}, "brutal.*unknown difficulty"),
    ({"question": "why?", "difficulty": ["hard"]}, r"row 2: difficulty"),
    ({"question": "why?", "entry_point": 3}, r"row 2: entry_point"),
    ({"question": "why?", "tests": "assert f(1)"}, "it is no test"),
    ({"question": "why?", "tests": {"kind": "magic"}}, "it is no test"),
    ({"question": "why?", "tests": {"kind": ["python"]}}, "it is no test"),
    ({"question": "why?", "tests": {"kind": "python"}}, r"tests\.cases"),
    ({"question": "why?", "tests": {"kind": "python", "case": ["1"]}}, "no such key"),
    ({"question": "why?", "tests": {"kind": "python", "cases": [1]}}, r"row 2: tests\.cases\[0\].*no text but int"),
    ({"question": "why?", "tests": TESTS | {"inputs": "abc"}}, r"row 2: tests\.inputs.*no list"),
    ({"question": "why?", "tests": TESTS | {"setup": ["x = 1"]}}, r"row 2: tests\.setup.*no text but list"),
    ({"question": "why?", "tests": TESTS | {"outputs": ["1", "2"]}}, "differ in number"),
]


@pytest.mark.parametrize(("record", "message"), BAD_ROWS)
def test_bad_rows_are_refused_by_name(tmp_path, record, message):
    """One bad row among thousands must be findable, and must not be dropped in silence."""
    path = write_jsonl(tmp_path / "bad.jsonl", [{"question": "fine?"}, record])
    with pytest.raises(UserError) as caught:
        load(path)
    assert caught.match(f"(?s){message}")


def test_bad_rows_do_not_end_a_long_run(tmp_path, capsys):
    """One bad row of ten million must not kill a night: it is handed on without a question, with its reason."""
    for number, (record, _) in enumerate(BAD_ROWS):
        write_jsonl(tmp_path / f"{number:02}.jsonl", [{"question": "fine?"}, record])
    rows = list(iter_problems([SourceConfig(kind="jsonl", name="mine", path=str(tmp_path / "*.jsonl"))]))
    write_rows(rows, tmp_path / "problems.parquet", PROBLEM)
    rows = read_rows(tmp_path / "problems.parquet")
    assert [row["question"] for row in rows] == ["fine?", ""] * len(BAD_ROWS)
    assert len({row["problem_id"] for row in rows}) == len(rows)
    for number, row in enumerate(rows[1::2]):
        assert f"{number:02}.jsonl, row 2" in json.loads(row["metadata"])["from"]
        assert json.loads(row["metadata"])["error"]
    assert f"{len(BAD_ROWS)} of {len(rows)} rows cannot be used" in capsys.readouterr().out


def test_a_source_of_bad_rows_alone_is_refused(tmp_path):
    """Tests in another format, say, are wrong in every row: no night should be spent to learn that."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"question": "why?", "tests": "assert f(1)"}] * 3)
    with pytest.raises(UserError, match=r"(?s)none of its 3 rows.*a\.jsonl, row 1: tests"):
        list(iter_problems([SourceConfig(kind="jsonl", path=path)]))


def test_one_name_in_two_folders_gives_different_ids(tmp_path):
    """Rows are named by the path below the glob's fixed part, so files added later change no id."""
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        write_jsonl(tmp_path / folder / "x.jsonl", [{"question": "1?"}])
    before = [row["problem_id"] for row in load(tmp_path / "*" / "x.jsonl")]
    (tmp_path / "c").mkdir()
    write_jsonl(tmp_path / "c" / "x.jsonl", [{"question": "1?"}])
    after = [row["problem_id"] for row in load(tmp_path / "*" / "x.jsonl")]
    assert before == ["mine/a/x-1", "mine/b/x-1"]
    assert after == [*before, "mine/c/x-1"]


def test_lines_may_leave_optional_fields_out(tmp_path):
    """The first line tells which columns there are; writers leave null values out of the others."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"question": "1?", "level": "hard"}, {"question": "2?"}])
    assert [row["difficulty"] for row in load(path, columns={"difficulty": "level"})] == ["hard", None]


def test_missing_column_says_which_there_are(tmp_path):
    """The user sees the columns without opening the file."""
    pq.write_table(pa.Table.from_pylist([{"prompt": "why?", "id": 1}]), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="it has id, prompt"):
        load(tmp_path / "a.parquet", kind="parquet")
    with pytest.raises(UserError, match=r"columns\.difficulty = 'level'"):
        load(tmp_path / "a.parquet", kind="parquet", columns={"question": "prompt", "difficulty": "level"})
    with pytest.raises(UserError, match="no field here"):
        load(tmp_path / "a.parquet", kind="parquet", columns={"questions": "prompt"})


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_a_later_file_that_lacks_the_column_is_named(tmp_path, kind):
    """The error names the source, the file and the column most like the one asked for."""
    for name, column in (("a", "prompt"), ("b", "Prompts")):
        records = [{column: "why?", "id": 1}]
        if kind == "jsonl":
            write_jsonl(tmp_path / f"{name}.jsonl", records)
        else:
            pq.write_table(pa.Table.from_pylist(records), tmp_path / f"{name}.parquet")
    with pytest.raises(UserError) as caught:
        load(tmp_path / f"*.{kind}", kind=kind, columns={"question": "prompt"})
    assert caught.value.field == "source 'mine': columns.question"
    assert f"b.{kind}" in caught.value.problem
    assert "it has Prompts, id" in caught.value.problem
    assert "did you mean 'Prompts'" in caught.value.remedy


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
