"""Where a text is code or quotes something: fenced blocks, backticks and string literals.

A reader of lines rather than a Markdown parser, as models cut blocks, leave them open and glue
delimiters to them.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from z1ray.curation.delimiters import ELEMENTS

_FENCE = re.compile(r"[ \t>]{0,40}(?:(?:[-*+]|\d{1,3}[.)])[ \t]{1,4})?(`{3,}|~{3,})[ \t]*([^`\r\n]*)\s*")
# Backticks, then string literals, each within one line.
_INLINE = re.compile(
    r"(?<!`)(`{1,3})(?!`)[^`\n]{1,300}(?<!`)\1(?!`)"
    r"|(?<![\w\"])[rbfuRBFU]{0,2}\"(?=[^\s\"])[^\"\n]{1,300}\"(?!\w)"
    r"|(?<![\w'])[rbfuRBFU]{0,2}'(?=[^\s'])[^'\n]{1,300}'(?!\w)"
)
# Literals over several lines where a program assigns or passes them; none reaches over a fence.
_LITERAL = re.compile(
    r"[=(,][ \t]{0,4}[rbfuRBFU]{0,2}(?:\"\"\"(?:(?!\"\"\"|```)[\s\S])*\"\"\"|'''(?:(?!'''|```)[\s\S])*'''"
    r"|`\r?\n[^`]*`(?!`))"
)
_HEREDOC = re.compile(r"<<[-~]?(['\"]?)([A-Z_]{2,20})\1(?![\w<>])")


class _Block(NamedTuple):
    start: int
    end: int
    closed: bool


class CodeSpans:
    """The stretches of a text that are code, for look-up by position.

    Args:
        text: Any text; read in time linear in its length.
        table: The expression that finds delimiters in it.
    """

    def __init__(self, text: str, table: re.Pattern[str]) -> None:
        fenced = _Fences(text, table).spans()
        self._fences = [span for span in fenced if span[0] < span[1]]
        self._inline = [match.span() for match in _INLINE.finditer(text)]
        # One that holds the end of the thinking alone was cut there, and what closes it belongs to other code.
        whole = [match.span() for match in _LITERAL.finditer(text)], _heredocs(text) if "<<" in text else ()
        self._literals, self._heredocs = (
            [span for span in spans if text.count("<think", *span) == text.count("</think", *span)] for spans in whole
        )

    def __contains__(self, position: int) -> bool:
        """Whether the character at ``position`` is code."""
        return any(_covers(spans, position) for spans in (self._fences, self._inline, self._literals, self._heredocs))


def _heredocs(text: str) -> Iterator[tuple[int, int]]:
    """The bodies of shell documents such as ``cat <<EOF``, each up to the line that is its word."""
    word, start, position = "", 0, 0
    for line in text.splitlines(keepends=True):
        position += len(line)
        if word and line.strip() == word:
            yield start, position
            word = ""
        elif not word and (opening := _HEREDOC.search(line)):
            word, start = opening[2], position


def _covers(spans: list[tuple[int, int]], position: int) -> bool:
    index = bisect_right(spans, position, key=lambda span: span[0]) - 1
    return index >= 0 and position < spans[index][1]


class _Fences:
    """The fenced blocks of a text."""

    def __init__(self, text: str, table: re.Pattern[str]) -> None:
        self._text, self._table = text, table

    def spans(self) -> list[tuple[int, int]]:
        """Where code stands, by block."""
        blocks = self._blocks()
        return [(block.start, block.end if block.closed else self._cut(block)) for block in blocks]

    def _blocks(self) -> list[_Block]:
        """The blocks.

        Where the last one stays open and an earlier one holds the end of the thinking on a line of
        its own, the thinking was cut inside that block, and the pairs after it are off by one.
        """
        blocks = list(self._pair(0))
        if not blocks or blocks[-1].closed:
            return blocks
        for index, block in enumerate(blocks[:-1]):
            if (cut := self._cut(block)) < block.end:
                again = list(self._pair(cut))
                balanced = all(block.closed for block in again)
                return [*blocks[:index], _Block(block.start, cut, True), *again] if balanced else blocks
        return blocks

    def _pair(self, position: int) -> Iterator[_Block]:
        """Blocks from ``position`` on; a fence with an info string always opens one."""
        fence, start = "", 0
        for found, mark, info in self._lines(position):
            if fence and (mark[0] != fence[0] or len(mark) < len(fence)):
                continue
            if fence:
                yield _Block(start, found, closed=not info)
            fence = "" if fence and not info else mark
            line_end = self._text.find("\n", found)
            start = len(self._text) if line_end < 0 else line_end
        if fence:
            yield _Block(start, len(self._text), closed=False)

    def _lines(self, position: int) -> Iterator[tuple[int, str, str]]:
        """Position, fence and info string of each line that is a fence once its delimiters are gone."""
        for line in self._text[position:].splitlines(keepends=True):
            if "```" in line or "~~~" in line:
                fence = _FENCE.fullmatch(self._table.sub("", line).lstrip("\ufeff"))
                if fence:
                    # A delimiter may have stood inside the fence itself.
                    yield position + max(line.find(fence[1]), 0), fence[1], fence[2].strip()
            position += len(line)

    def _cut(self, block: _Block) -> int:
        """Where a block that is not closed ends: at a delimiter that closes something, at an end of its line."""
        for match in self._table.finditer(self._text, block.start, block.end):
            starts = self._text[match.start() - 1] == "\n"
            ends = self._text[match.end() : match.end() + 1] in ("", "\n", "\r")
            if (match.lastgroup not in ELEMENTS or "/" in match[0]) and (starts or ends):
                return match.start()
        return block.end
