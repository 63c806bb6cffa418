"""What a source offers must be of use: rows that are not are counted and told, and none at all is an error."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from z1ray.errors import UserError
from z1ray.problems.difficulty import UNKNOWN
from z1ray.problems.sets.checks import UNREADABLE
from z1ray.progress import say
from z1ray.records import Row

_NOTES = {
    UNKNOWN: "have a difficulty that is none of easy, medium, hard",
    UNREADABLE: "have tests that cannot be read, and will not be verified",
}


def tell_notes(rows: Iterable[Row], field: str) -> Iterator[Row]:
    """The same problems, streamed; at their end it is told how many have what could not be taken over.

    Args:
        rows: Problem rows.
        field: What messages call their source.
    """
    num_rows, counts, firsts = 0, Counter[str](), dict[str, str]()
    for row in rows:
        num_rows += 1
        for note in _NOTES:
            if f'"{note}"' in row["metadata"] and (found := json.loads(row["metadata"]).get(note)):
                counts[note] += 1
                firsts.setdefault(note, found)
        yield row
    for note, count in counts.items():
        say(f"{field}: {count} of {num_rows} rows {_NOTES[note]}; the first: {firsts[note]}")


def require_usable(
    rows: Iterable[Row], error_of: Callable[[Row], str | None], *, field: str, path: str, empty: UserError
) -> Iterator[Row]:
    """The same rows, streamed; at their end it is told how many could not be used.

    Args:
        rows: What the source offers.
        error_of: Why a row cannot be used; None if it can.
        field: What messages call the source.
        path: Where it lies.
        empty: Raised if there was no row.

    Raises:
        UserError: If no row could be used.
    """
    num_rows, num_unusable, first = 0, 0, None
    for row in rows:
        error = error_of(row)
        num_rows += 1
        num_unusable += error is not None
        first = first or error
        yield row
    if not num_rows:
        raise empty
    if num_unusable == num_rows:
        problem = f"none of its {num_rows} rows can be used; the first: {first}"
        raise UserError(field, path, problem, "fix the source, or name another")
    if num_unusable:
        say(f"{field}: {num_unusable} of {num_rows} rows cannot be used; the first: {first}")
