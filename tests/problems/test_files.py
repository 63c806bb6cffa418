"""Problems from the user's own files, and every way to get them wrong."""

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems, load_problems
from z1ray.records import PROBLEM, read_rows, write_rows
from z1ray.trajectories.requests.prepare import question_error

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
    ({"question": " - "}, r"bad\.jsonl, row 2: question.*is a placeholder"),
    ({"question": "N/A"}, r"bad\.jsonl, row 2: question.*is a placeholder"),
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


def test_unknown_difficulties_are_null_and_counted(tmp_path, capsys):
    """A scale of somebody else's is no reason to leave the problem out, nor to guess."""
    levels = ["brutal", ["hard"], 3, "Very Hard", None, "UNKNOWN_DIFFICULTY"]
    path = write_jsonl(tmp_path / "a.jsonl", [{"question": "why?", "difficulty": level} for level in levels])
    rows = load(path)
    assert [row["difficulty"] for row in rows] == [None, None, None, "hard", None, None]
    assert (
        "3 of 6 rows have a difficulty that is none of easy, medium, hard; the first: brutal" in capsys.readouterr().out
    )


def test_a_column_is_declined(tmp_path):
    """Tests of somebody else's, under our name, would make every row unusable."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"question": "why?", "tests": "assert f(1)"}])
    (row,) = load(path, columns={"tests": None})
    assert row["tests"] is None
    with pytest.raises(UserError, match=r"columns: \{tests: null\}"):
        load(path)
    with pytest.raises(UserError, match=r"columns\.question.*"):
        load(path, columns={"question": None})


@pytest.mark.parametrize("kind", ["jsonl", "json", "csv", "parquet"])
def test_a_template_joins_columns(tmp_path, kind):
    """Half of Code Alpaca's questions stand in two columns; what a row lacks is left blank."""
    records = [{"instruction": "Sum these.", "input": "1, 2"}, {"instruction": "Say hi.", "input": None}]
    path = written(tmp_path, kind, [*records, {"instruction": None, "input": None}])
    rows = list(iter_problems([SourceConfig(kind=kind, path=path, columns={"question": "{instruction}\n{input}"})]))
    assert [row["question"] for row in rows] == ["Sum these.\n1, 2", "Say hi.", ""]
    assert "is missing" in json.loads(rows[2]["metadata"])["error"]


def test_a_template_of_columns_that_are_not_there_is_refused(tmp_path):
    """The column is named, not the template."""
    path = write_jsonl(tmp_path / "a.jsonl", [{"instruction": "Why?"}])
    with pytest.raises(UserError, match=r"columns\.question = 'inputs'"):
        load(path, columns={"question": "{instruction} {inputs}"})
    with pytest.raises(UserError, match="it is no template"):
        load(path, columns={"question": "{instruction"})


def written(folder, kind, records):
    """A file of the kind with the records."""
    path = folder / f"a.{kind}"
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif kind == "csv":
        with path.open("w", newline="", encoding="utf-8-sig") as file:
            rows = csv.DictWriter(file, list(records[0]))
            rows.writeheader()
            rows.writerows(records)
    else:
        path.write_text(json.dumps(records) if kind == "json" else "\n".join(map(json.dumps, records)))
    return str(path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", ["json", "csv"])
def test_arrays_and_csv_give_the_rows_of_lines(tmp_path, kind, compressed):
    """Text with line breaks, quotes and more than 128 KiB comes through, compressed or not."""
    records = [{"question": 'a,\n"b"?', "difficulty": "easy"}, {"question": "é" * 200_000, "difficulty": None}]
    lines = load(written(tmp_path, "jsonl", records))
    path = Path(written(tmp_path, kind, records))
    if compressed:
        path = path.with_suffix(f".{kind}.gz")
        path.write_bytes(gzip.compress(path.with_suffix("").read_bytes()))
    assert [row | {"metadata": None} for row in load(path, kind)] == [row | {"metadata": None} for row in lines]


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("json", b"[{", "it is no JSON"),
        ("json", b'{"question": "why?"}', r"it is no array.*kind: jsonl"),
        ("json", b'[{"question": "why?"}, 1]', "row 2.*no JSON object"),
        ("jsonl", b'[\n{"question": "why?"}\n]', "of kind json"),
        ("csv", b"\xff\xfe", "no CSV file"),
        ("csv", b'question\n"why', "no CSV file"),
        ("csv", b"", "it has none"),
        ("csv", b"prompt\nwhy?", "it has prompt"),
    ],
)
def test_a_broken_array_or_csv_is_refused(tmp_path, kind, content, message):
    """The message says what the file is not."""
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(UserError, match=f"(?s){message}"):
        load(tmp_path / "a", kind)


def test_a_form_feed_is_a_line_break(tmp_path):
    """Statements copied from printed pages have them; they are no reason to leave the problem out."""
    (row,) = load(write_jsonl(tmp_path / "a.jsonl", [{"question": "page\fnext\vline"}]))
    assert row["question"] == "page\nnext\nline"
    assert question_error(row["question"]) is None


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
