"""All configured problems as Problem rows, streamed or as one list, the same every time."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from z1ray.errors import UserError
from z1ray.problems import humaneval, leetcode, programs, reasoning_gym
from z1ray.problems.choice import choose
from z1ray.problems.columns import Record, to_problem, unusable
from z1ray.problems.config import Kind, SourceConfig
from z1ray.problems.layouts import LAYOUT_INSTRUCTIONS, LAYOUTS, Make
from z1ray.problems.repeats import Repeats, Seen
from z1ray.problems.usable import require_usable, tell_notes
from z1ray.progress import say
from z1ray.records import Row

# What z1ray adds to a source's own text; says nothing about which problem it is.
INSTRUCTIONS = (
    leetcode.INSTRUCTION,
    humaneval.INSTRUCTION,
    reasoning_gym.INSTRUCTION,
    *LAYOUT_INSTRUCTIONS,
)

_SAME = "are left out, whose id and question came before"
_OTHER = "have an id that stood for another question before, and get their file and row added to it"

_EMBEDDED: dict[Kind, Callable[[SourceConfig], Iterable[Row]]] = {
    "leetcode": leetcode.read,
    "humaneval": humaneval.read,
    "reasoning_gym": reasoning_gym.read,
    "programs": programs.read,
}


def iter_problems(sources: Sequence[SourceConfig]) -> Iterator[Row]:
    """The chosen problems of each source, in reading order, for a run that must not end at one bad row.

    A record that makes no problem (no JSON, no question, tests that cannot be run) becomes a row
    with an empty question whose metadata says why under ``error``. Files and hub datasets are
    streamed: memory is 8 bytes per row, up to 64 more for rows that bring an id, and with ``limit`` also the
    source's ids while it chooses.

    A record with the id and question of one before it in its source is the same problem and left out; one with the id
    alone gets another, ``id@file-row``. Both are counted and told.

    Raises:
        UserError: If a source is missing or lacks a column, if nothing of it is left after its
            difficulty filter or no row can be used, or, after the last row, if two of different sources share an id.
    """
    repeats = Repeats()
    for source in sources:
        again: Counter[str] = Counter()
        for row in _usable(choose(partial(_read_distinct, source, again), source), source):
            repeats.note(row["problem_id"])
            yield row
        for what, count in again.items():
            say(f"source {source.label!r}: {count} rows {what}")
    repeats.refuse((row["problem_id"] for row in _again(sources)), "problem_id")


def load_problems(sources: Sequence[SourceConfig]) -> list[Row]:
    """The chosen problems of each source, sources in the order given, rows by id within one.

    Raises:
        UserError: If a source is missing or malformed, if any record of it makes no problem, if
            nothing is left after its difficulty filter, or if two problems share an id.
    """
    repeats, rows = Repeats(), []
    for source in sources:
        chosen = choose(partial(_read, source), source)
        rows += sorted(_usable(chosen, source), key=lambda row: str(row["problem_id"]))
    for row in rows:
        repeats.note(row["problem_id"])
    repeats.refuse((row["problem_id"] for row in rows), "problem_id")
    return rows


def usable_or_not(record: Record, source: SourceConfig) -> Row:
    """A record as a Problem row, with an empty question and its error in the metadata if it makes none."""
    return _made_or_not(to_problem, record, source)


def _made_or_not(make: Make, record: Record, source: SourceConfig) -> Row:
    try:
        return make(record, source)
    except UserError as error:
        return unusable(record, source, error)


def _read(source: SourceConfig) -> Iterable[Row]:
    """The problems of a source, of which each record must make one."""
    if source.kind in _EMBEDDED:
        return _EMBEDDED[source.kind](source)
    layout = LAYOUTS[source.layout]
    return (layout.make(record, source) for record in layout.read(source))


def _read_distinct(source: SourceConfig, again: Counter[str]) -> Iterable[Row]:
    """The problems of a source and rows for its unusable records, each id once; counts what came again."""
    again.clear()
    if source.kind in _EMBEDDED:
        yield from _EMBEDDED[source.kind](source)
        return
    layout, seen = LAYOUTS[source.layout], Seen()
    for record in layout.read(source):
        row = _made_or_not(layout.make, record, source)
        name = row["problem_id"]
        has_own_id = row["question"] and name != f"{source.label}/{record.name}"
        if has_own_id and not seen.add((name, row["question"])):
            again[_SAME] += 1
            continue
        if has_own_id and not seen.add(name):
            again[_OTHER] += 1
            row["problem_id"] = f"{name}@{record.name}"
        yield row


def _again(sources: Sequence[SourceConfig]) -> Iterator[Row]:
    for source in sources:
        yield from choose(partial(_read_distinct, source, Counter()), source)


def _usable(rows: Iterable[Row], source: SourceConfig) -> Iterator[Row]:
    field, path = f"source {source.label!r}", source.path or source.kind
    wanted = f"it has no problem of difficulty {source.difficulty}" if source.difficulty else "it has no problem"
    empty = UserError(field, path, wanted, "leave `difficulty` out, or name another source")
    return tell_notes(require_usable(rows, _error, field=field, path=path, empty=empty), field)


def _error(row: Row) -> str | None:
    return None if row["question"] else json.loads(row["metadata"])["error"]
