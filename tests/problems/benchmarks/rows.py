"""Rows in published layouts, as the loaders read them."""

import json
from pathlib import Path

from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.records import PROBLEM, read_rows, write_rows

DATA = Path(__file__).parent / "data"


def published(name):
    """The records of a file of test data."""
    return [json.loads(line) for line in (DATA / f"{name}.jsonl").read_text().splitlines()]


def written(folder, records):
    """A file with the records."""
    path = folder / "rows.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records))
    return path


def load(path, layout, **settings):
    """The problems of a file by id, gone through Parquet as a run's are."""
    rows = load_problems([SourceConfig(kind="jsonl", path=str(path), layout=layout, **settings)])
    parquet = Path(path).with_suffix(".parquet")
    if parquet.parent != DATA:
        write_rows(rows, parquet, PROBLEM)
        assert read_rows(parquet) == rows
    return {row["problem_id"].partition("/")[2]: row for row in rows}


def shipped(name, layout, **settings):
    """The problems of a file of test data by id."""
    return load(DATA / f"{name}.jsonl", layout, **settings)


def of_code(row, code, **limits):
    """The verdict of code in an answer."""
    return check(row, f"So:\n```python\n{code}\n```", SandboxConfig(**limits)).verdict
