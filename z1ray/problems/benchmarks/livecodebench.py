"""LiveCodeBench: problems of programming contests, with dates.

Jain et al., "LiveCodeBench", arXiv 2403.07974; the code generation files ``test.jsonl``, ``test2.jsonl``, ..., one
per version, with the columns of ``_FIELDS``. The source's ``options`` choose from them:

* ``release``: ``release_v5`` is all versions up to the fifth, ``v5`` the fifth alone, ``v4_v5`` those two. ``path``
  is then the folder of the files, or the name on the hub (livecodebench/code_generation_lite).
* ``since`` and ``until``: contests from the start of the one day to the start of the other, both included, like
  LiveCodeBench's own ``--start_date`` and ``--end_date``.

Rows are read one at a time and the private tests stay packed until an answer is graded, since unpacked
they are many gigabytes; those of rows outside the dates are dropped with their row.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from z1ray.errors import UserError
from z1ray.grading.livecodebench import LiveCodeBenchError, unpack
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import Kind, SourceConfig
from z1ray.problems.difficulty import level
from z1ray.problems.layout import Layout
from z1ray.problems.tables import read_records
from z1ray.problems.values import optional_text, own_id, refused, text, value
from z1ray.records import Row, problem

INSTRUCTIONS = (
    "Write a Python program that reads standard input and writes to standard output, in a ```python block.",
    "Complete the code below and give the whole program in one ```python block:",
)

_OPTIONS = ("release", "since", "until")
_REQUIRED = ("question_id", "question_content", "contest_date", "public_test_cases", "private_test_cases")
_FIELDS = Fields((*_REQUIRED, "question_title", "starter_code", "difficulty", "metadata", "platform"), _REQUIRED, 1)
_RELEASE = re.compile(r"release_v(?P<last>\d)|v(?P<first>\d)(?:_v(?P<to>\d))?")


def _read(source: SourceConfig) -> Iterator[Record]:
    """The records within the dates.

    Raises:
        UserError: If an option is unknown or malformed.
    """
    if unknown := sorted(source.options.keys() - set(_OPTIONS)):
        raise UserError("options", unknown[0], "livecodebench has no such option", f"use {', '.join(_OPTIONS)}")
    since, until = (_day(source, name) for name in ("since", "until"))
    for part in _files(source):
        for record in read_records(part, _FIELDS):
            date = _date(record)
            if date is None or ((since is None or since <= date) and (until is None or date <= until)):
                yield record


def _files(source: SourceConfig) -> Iterable[SourceConfig]:
    """A source for each file of the release; the source itself if it names none."""
    release = source.options.get("release")
    if release is None and source.kind == "hub":
        raise UserError("options.release", None, "on the hub it is one file per version", "name one, e.g. release_v5")
    if release is None:
        return [source]
    found = _RELEASE.fullmatch(str(release))
    first = int(found["first"] or 1) if found else 0
    last = int(found["last"] or found["to"] or first) if found else 0
    if not 1 <= first <= last:
        raise UserError("options.release", release, "there is no such release", "use e.g. release_v5, v5 or v4_v5")
    suffix: Kind = "parquet" if source.kind == "parquet" else "jsonl"
    files = [f"{_folder(source)}/test{'' if number == 1 else number}.{suffix}" for number in range(first, last + 1)]
    return [replace(source, kind=suffix, path=file, configuration=None, revision=None) for file in files]


def _folder(source: SourceConfig) -> str:
    assert source.path is not None
    if source.kind != "hub":
        return source.path.rstrip("/")
    return f"hf://datasets/{source.path}" + (f"@{source.revision}" if source.revision else "")


def _day(source: SourceConfig, name: str) -> datetime | None:
    day = source.options.get(name)
    try:
        return None if day is None else datetime.fromisoformat(str(day))
    except ValueError as error:
        raise UserError(f"options.{name}", day, "it is no date", "write it as 2024-08-01") from error


def _date(record: Record) -> datetime | None:
    """A contest's date; None if there is none to read, which ``_make`` refuses."""
    try:
        return datetime.fromisoformat(record.values["contest_date"])
    except (KeyError, TypeError, ValueError):
        return None


def _make(record: Record, source: SourceConfig) -> Row:
    date = _date(record)
    public, private = text(record, "public_test_cases"), text(record, "private_test_cases")
    if date is None:
        raise refused(record, "contest_date", record.values.get("contest_date"), "it is no date")
    try:
        cases = unpack(public) + unpack(private)
        function = json.loads(optional_text(record, "metadata") or "{}").get("func_name")
    except (LiveCodeBenchError, ValueError, AttributeError) as error:
        raise refused(record, "private_test_cases", private[:40], f"its tests cannot be read: {error}") from error
    if not cases or any(case.functional is not (function is not None) for case in cases):
        raise refused(record, "metadata", function, "func_name does not go with its tests, or it has none")
    return problem(
        problem_id=f"{source.label}/{own_id(record, 'question_id')}",
        source=source.label,
        question=_question(record, functional=function is not None),
        difficulty=level(value(record, "difficulty")),
        tests={"kind": "livecodebench", "cases": [public, private]},
        entry_point=None if function is None else "Solution",
        metadata=_metadata(record, function, date),
    )


def _metadata(record: Record, function: Any, date: datetime) -> Row:
    return {"function": function, "date": date.isoformat(), "platform": optional_text(record, "platform")}


def _question(record: Record, *, functional: bool) -> str:
    title, content = optional_text(record, "question_title").strip(), text(record, "question_content").strip()
    head = f"# {title}\n\n{content}" if title else content
    if not functional:
        return f"{head}\n\n{INSTRUCTIONS[0]}"
    return f"{head}\n\n{INSTRUCTIONS[1]}\n\n```python\n{text(record, 'starter_code').rstrip()}\n```"


LIVECODEBENCH = Layout(_make, _read)
