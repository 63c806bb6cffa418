"""Removing the delimiters that set thinking apart from the answer; the content stays.

Z1's training data has none (arXiv 2504.00810, section on data): a model trained on it
shifts between thinking and answering by itself.
"""

import re
from collections import Counter
from typing import NamedTuple

from z1ray.curation.code_spans import CodeSpans
from z1ray.curation.delimiters import DELIMITER, ELEMENTS, LOOKALIKE
from z1ray.curation.markup import Elements

# Passes over one text; each takes linear time, and more than two are rare.
_PASSES = 8


class Untagged(NamedTuple):
    """A text without delimiters.

    Args:
        text: The text.
        stayed: What looks like a delimiter and stayed, ``"<where> <tag>"`` to its count; where is ``code``
            (in a fence, backticks or a string literal), ``markup`` (a generic, an element, a placeholder)
            or ``unknown`` (in no family of the table).
    """

    text: str
    stayed: dict[str, int]


def untag(text: str) -> Untagged:
    """The text without the delimiters of ``z1ray.curation.delimiters``.

    Code is left alone, and so is a text without delimiters, byte for byte. Takes time linear in
    the length of the text. Doing it twice changes nothing: removing one delimiter may join the
    halves of another, so passes repeat, and the last one parts the halves by a space.
    """
    for number in range(_PASSES):
        cuts, stayed = _judge(text)
        if not cuts:
            return Untagged(text, stayed)
        text = _remove(text, cuts, glue="" if number < _PASSES - 1 else " ")
    return Untagged(text, _judge(text)[1])


def _judge(text: str) -> tuple[list[tuple[int, int]], dict[str, int]]:
    """The spans to remove, and the counts of what stays."""
    if DELIMITER.search(text) is None and LOOKALIKE.search(text) is None:
        return [], {}
    code, elements = CodeSpans(text), Elements(text)
    cuts: list[tuple[int, int]] = []
    seen: set[int] = set()
    stayed: Counter[str] = Counter()
    for match in DELIMITER.finditer(text):
        seen.update(range(*match.span()))
        where = _stays(text, match, code, elements)
        if where is None:
            cuts.append(match.span())
        else:
            stayed[_label(where, match[0])] += 1
    for match in LOOKALIKE.finditer(text):
        if match.start() not in seen:
            stayed[_label("code" if match.start() in code else "unknown", match[0])] += 1
    return cuts, dict(stayed)


def _stays(text: str, match: re.Match[str], code: CodeSpans, elements: Elements) -> str | None:
    """Where a delimiter stands that has to stay; None for one to remove."""
    if match.start() in code:
        return "code"
    if match.lastgroup in ELEMENTS:
        return None if elements.is_delimiter(match) else "markup"
    elements.removed(match)
    return None


def _label(where: str, tag: str) -> str:
    return f"{where} {''.join(tag.lower().split())[:60]}"


def _remove(text: str, cuts: list[tuple[int, int]], glue: str) -> str:
    """The text without the spans, and without the blanks and empty lines that they would leave behind."""
    ends, starts = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(text)]
    pieces = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    parts, spaces = [], [""]
    for number, piece in enumerate(pieces):
        words = piece.strip()
        if not words:
            spaces.append(piece)
            continue
        lead, tail = piece[: len(piece) - len(piece.lstrip())], piece[len(piece.rstrip()) :]
        if number:
            parts.append(_seam([*spaces, lead], glue) if parts else "")
        parts += [words] if number else [lead, words]
        spaces = [tail]
    if pieces[-1].strip():
        parts.append(spaces[0])
    return "".join(parts)


def _seam(spaces: list[str], glue: str) -> str:
    """What stands for the white space around removed delimiters: one empty line or one blank at most."""
    lines = min(2, max(space.count("\n") for space in spaces))
    if lines:
        indent = spaces[-1].rpartition("\n")[2] if "\n" in spaces[-1] else ""
        return ("\r\n" if any("\r\n" in space for space in spaces) else "\n") * lines + indent
    return " " if any(spaces) else glue
