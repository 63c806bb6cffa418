"""Removing the delimiters that set thinking apart from the answer; the content stays.

Z1's training data has none (arXiv 2504.00810, section on data): a model trained on it
shifts between thinking and answering by itself.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from z1ray.curation.code_spans import CodeSpans
from z1ray.curation.delimiters import ELEMENTS, LOOKALIKE, MESSAGES, table_for
from z1ray.curation.markup import Elements

_ENDS_THINKING = re.compile(r"(?i:\W\s*/.{0,12}(?:think|thought|reason|scratchpad)|end_(?:of_)?(?:think|thought))")
_HALF = re.compile(r"<[/\w|:]{0,20}\Z")
_FENCE_LEFT, _FENCE_RIGHT = re.compile(r"(?:\A|\n)[ \t]*(?:`{3,}|~{3,})\Z"), re.compile(r"(?:`{3,}|~{3,})[^`\n]*\r?\n")
# Marks around a delimiter that would be left around nothing.
_BOLD_LEFT, _BOLD_RIGHT = re.compile(r"(?:\A|\s)(\*\*)\Z"), re.compile(r"\*\*(?=\s|\Z)")
_HEADING_LEFT, _LINE_RIGHT = re.compile(r"(?:\A|\n)(#{1,6} )\Z"), re.compile(r"(?=[ \t]*(?:\r?\n|\Z))")
_BLANK = " \t\r\n\f\v\ufeff\u200b"
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
        text = _remove(text, cuts, last=number == _PASSES - 1)
    return Untagged(text, _judge(text)[1])


def _judge(text: str) -> tuple[list[re.Match[str]], dict[str, int]]:
    """The delimiters to remove, and the counts of what stays."""
    table = table_for(text)
    found = list(table.finditer(text)) if table else []
    similar = _apart(LOOKALIKE.finditer(text), found)
    if table is None or not (found or similar):
        return [], dict(Counter(_label("unknown", match[0]) for match in similar))
    code, elements = CodeSpans(text, table), Elements(text)
    cuts: list[re.Match[str]] = []
    stayed = Counter(_label("code" if match.start() in code else "unknown", match[0]) for match in similar)
    for match in found:
        where = _stays(match, code, elements)
        if where is None:
            cuts.append(match)
        else:
            stayed[_label(where, match[0])] += 1
    return cuts, dict(stayed)


def _apart(matches: Iterable[re.Match[str]], others: list[re.Match[str]]) -> list[re.Match[str]]:
    """The matches that begin in none of the others; both in order."""
    ends, starts = [other.end() for other in others], [other.start() for other in others]
    kept = []
    for match in matches:
        index = bisect_right(starts, match.start()) - 1
        if index < 0 or match.start() >= ends[index]:
            kept.append(match)
    return kept


def _stays(match: re.Match[str], code: CodeSpans, elements: Elements) -> str | None:
    """Where a delimiter stands that has to stay; None for one to remove."""
    if match.start() in code:
        return "code"
    if match.lastgroup in ELEMENTS:
        return None if elements.is_delimiter(match) else "markup"
    elements.removed(match)
    return None


def _label(where: str, tag: str) -> str:
    """A key that does not grow with attributes: ``<answer id=1>`` counts as ``<answer>``."""
    name = tag.split()[0] + ">" if "=" in tag else "".join(tag.split())
    return f"{where} {name.lower()[:60]}"


def _remove(text: str, cuts: list[re.Match[str]], last: bool) -> str:
    """The text without the cuts, and without the blanks and empty lines that they would leave behind."""
    spans = [_span(text, cut) for cut in cuts]
    ends, starts = [0, *(end for _, end in spans)], [*(start for start, _ in spans), len(text)]
    pieces = [text[end:start] for end, start in zip(ends, starts, strict=True)]
    parts: list[str] = []
    spaces = [""]
    parting = False
    for number, piece in enumerate(pieces):
        parting = parting or (number > 0 and _parts(cuts[number - 1]))
        words = piece.strip()
        if not piece.strip(_BLANK):
            spaces.append(piece)
            continue
        lead, tail = piece[: len(piece) - len(piece.lstrip())], piece[len(piece.rstrip()) :]
        if parts:
            parts.append(_seam([*spaces, lead], parts[-1], words, parting, last))
        else:
            parts.append(lead.rpartition("\n")[2] if number and "\n" in lead else "" if number else lead)
        parts.append(words)
        spaces, parting = [tail], False
    return "".join([*parts, spaces[0] if pieces[-1].strip() else ""])


def _span(text: str, cut: re.Match[str]) -> tuple[int, int]:
    """What goes with a delimiter: itself, and bold or a heading around nothing else."""
    before, after = text[max(cut.start() - 8, 0) : cut.start()], text[cut.end() : cut.end() + 8]
    for left, right in ((_BOLD_LEFT, _BOLD_RIGHT), (_HEADING_LEFT, _LINE_RIGHT)):
        opening, closing = left.search(before), right.match(after)
        if opening and closing:
            return cut.start() - len(opening[1]), cut.end() + closing.end()
    return cut.span()


def _parts(cut: re.Match[str]) -> bool:
    """Whether a delimiter stands between two paragraphs: two messages, or thinking and what follows."""
    return cut.lastgroup in MESSAGES or _ENDS_THINKING.search(cut[0]) is not None


def _seam(spaces: list[str], left: str, right: str, parting: bool, last: bool) -> str:
    """What stands for the white space around delimiters: one empty line or one blank at most, or what keeps apart."""
    lines = min(2, max(space.count("\n") for space in spaces))
    if lines:
        indent = spaces[-1].rpartition("\n")[2] if "\n" in spaces[-1] else ""
        return ("\r\n" if any("\r\n" in space for space in spaces) else "\n") * lines + indent
    if _FENCE_LEFT.search(left) or _FENCE_RIGHT.match(right):
        return "\n\n"
    if any(spaces):
        return " "
    if _HALF.search(left[-24:]):
        return " " if last else ""
    if _sentences(left, right) or (parting and right[0] not in ".,;:!?)]}"):
        return "\n\n"
    return " " if last or (left[-1].isalnum() and right[0].isalnum()) else ""


def _sentences(left: str, right: str) -> bool:
    """Whether a sentence ends and another begins, which would run into each other."""
    return left[-1] in ".!?\u3002\uff01\uff1f" and (right[0].isalpha() or right[0] in "*#$\\")
