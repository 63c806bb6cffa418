"""A program's output against the wanted one."""

from __future__ import annotations

import math
import os


def scratch() -> int:
    """An empty file without a name, for a program's input or output."""
    return os.open("/tmp", os.O_TMPFILE | os.O_RDWR)


def content(file: int) -> str:
    """All of a file."""
    size = os.fstat(file).st_size
    data = bytearray()
    while len(data) < size and (part := os.pread(file, size - len(data), len(data))):
        data += part
    return data.decode("utf-8", errors="replace")


def same(text: str, wanted: str, tolerance: float | None) -> bool:
    """Whether both have the same lines of the same words; blanks around words and the whole do not count.

    Args:
        text: What the program wrote.
        wanted: What it should write.
        tolerance: Numbers may differ by this, absolutely or relative to the wanted one; None: not at all.
    """
    lines, wanted_lines = ([line.split() for line in text.strip().splitlines()] for text in (text, wanted))
    if lines == wanted_lines:
        return True
    if tolerance is None or len(lines) != len(wanted_lines):
        return False
    pairs = zip(lines, wanted_lines, strict=True)
    return all(
        len(words) == len(others) and all(map(_close, words, others, [tolerance] * len(words)))
        for words, others in pairs
    )


def same_lines(text: str, wanted: str) -> bool:
    """LiveCodeBench's rule: as many lines, each the same but for blanks at its ends, or the same numbers.

    Numbers are compared as decimals, so "2" is "2.0"; a line with any other word in it must be the same text.
    """
    lines, wanted_lines = ([line.strip() for line in one.strip().split("\n")] for one in (text, wanted))
    return len(lines) == len(wanted_lines) and all(map(_same_line, lines, wanted_lines))


def _same_line(line: str, wanted: str) -> bool:
    if line == wanted:
        return True
    from decimal import Decimal, InvalidOperation  # most lines are the same, and need not wait for it

    try:
        return [Decimal(word) for word in line.split()] == [Decimal(word) for word in wanted.split()]
    except InvalidOperation:
        return False


def _close(word: str, wanted: str, tolerance: float) -> bool:
    if word == wanted:
        return True
    try:
        one, other = float(word), float(wanted)
    except ValueError:
        return False
    return math.isfinite(one) and abs(one - other) <= tolerance * max(1.0, abs(other))
