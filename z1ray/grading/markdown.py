"""Code blocks of a Markdown text, read line by line as models write them.

The rules are those of fenced code blocks in CommonMark 0.31 (section 4.5) with these differences,
each for a shape that models write:

* a fence with an info string opens a block even inside an open one of the same kind;
* a fence inside a Python string is text: of two readings the one that parses is taken;
* a fence may be indented by any amount (lists), quoted, or follow a sentence on its line;
* the language may stand on the line below the fence, and the first line of code beside it;
* closing fences may be shorter than the opening one if no long enough one follows.

The time is linear in the length of the text: each line is looked at a bounded number of times.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import dedent

from z1ray.grading.syntax import leaves_string_open, tree_or_error

# Fences looked at beyond a block's first possible end, and levels of blocks within blocks.
_LOOKAHEAD = 8
_DEPTH = 3
# Levels of quotes that are taken off.
_QUOTES = 9

_LIST_MARKER = re.compile(r"(?:[-*+]|\d{1,9}[.)])[ \t]+")
_AFTER_SENTENCE = re.compile(r"(?:^|[^`])(```)(py\w*)?$")
_LANGUAGE = re.compile(r"[{.\s]*([a-z]+)")
_INLINE = re.compile(r"(?:(?:python3?|py)[ \t]+)?(.*)")
_CODE_AFTER_LABEL = re.compile(r"py\w*[ \t]+((?:(?:async[ \t]+)?def|class|import|from|@\w)\b.*)")
_LABEL = re.compile(r"(?:python3?|py)[ \t]*")
_PIECES = re.compile(r"`+|[^`]+")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced code block.

    Attributes:
        language: First word of the info string, lower case and without version; empty if there is none.
        lines: The content, without the indentation of the fence.
        closed: Whether a fence closes it; if not, it ends with the text or where another block opens.
    """

    language: str
    lines: tuple[str, ...]
    closed: bool

    @property
    def source(self) -> str:
        """The content as one text."""
        return "".join(f"{line}\n" for line in self.lines)

    @property
    def is_python(self) -> bool:
        """Whether it is labelled as Python in any spelling, or not labelled at all."""
        return not self.language or self.language.startswith(("py", "ipy"))


@dataclass(frozen=True, slots=True)
class _Fence:
    """A line that can open or close a block: its number, fence, info string and the columns and quotes before it."""

    line: int
    char: str
    length: int
    info: str
    column: int
    quotes: int
    inline: bool = False


def split_lines(text: str) -> list[str]:
    """The lines of a text, whatever ends them, without byte-order marks at their start.

    Not ``str.splitlines``, which also splits at characters that may stand in a Python string.
    """
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [line.lstrip("\ufeff") for line in lines]


def read(lines: Sequence[str], depth: int = 0) -> tuple[list[Block], list[str]]:
    """The blocks of a text, in order, and its lines outside of them.

    The opening fence of each block stays among the lines outside, to mark its place.
    """
    fences = [fence for number, line in enumerate(lines) if (fence := _fence(number, line))]
    closers = _longest_closers(fences)
    blocks: list[Block] = []
    outside: list[str] = []
    position = index = 0
    while index < len(fences):
        opening = fences[index]
        outside += lines[position : opening.line + 1]
        if opening.inline:
            blocks.append(Block("", (opening.info,), True))
            position, index = opening.line + 1, index + 1
            continue
        length = min(opening.length, max(3, closers[index][opening.char]))
        end = _end(lines, fences, index, length)
        content = _content(lines[opening.line + 1 : fences[end].line if end < len(fences) else None], opening)
        closes = end < len(fences) and not fences[end].info
        blocks += _nested(_block(opening.info, content, closes), opening, depth)
        position = fences[end].line + closes if end < len(fences) else len(lines)
        index = end + closes
    return blocks, outside + list(lines[position:])


def spans(lines: Sequence[str]) -> list[str]:
    """The code spans of some lines, as in CommonMark but each on one line: between two equal runs of backticks."""
    found = []
    for line in lines:
        pieces = _PIECES.findall(line) if "`" in line else []
        position = 0
        while position + 2 < len(pieces):
            opens = pieces[position][0] == "`" and pieces[position] == pieces[position + 2]
            found += [pieces[position + 1].strip()] if opens else []
            position += 3 if opens else 1
    return found


def _fence(number: int, line: str) -> _Fence | None:
    body = line.lstrip(" \t>")
    quotes = line[: len(line) - len(body)].count(">")
    if marker := _LIST_MARKER.match(body):
        body = body[marker.end() :]
    column = len(line) - len(body)
    if not body.startswith(("```", "~~~")):
        found = _AFTER_SENTENCE.search(line.rstrip()) if "```" in line and line.count("```") == 1 else None
        return _Fence(number, "`", 3, found[2], 0, 0) if found and found[2] else None
    rest = body.lstrip(body[0])
    length, info = len(body) - len(rest), rest.strip()
    if body[0] == "`" and "`" in info:
        code = _INLINE.fullmatch(info.rstrip("`"))
        return _Fence(number, "`", length, code[1], 0, 0, True) if code and info.endswith("```") else None
    return _Fence(number, body[0], length, info, column, quotes)


def _longest_closers(fences: Sequence[_Fence]) -> list[dict[str, int]]:
    """For each fence, the length of the longest one after it that can close a block, by its character."""
    longest = {"`": 0, "~": 0}
    found = []
    for fence in reversed(fences):
        found.append(longest)
        if not fence.info and not fence.inline:
            longest = longest | {fence.char: max(longest[fence.char], fence.length)}
    return found[::-1]


def _end(lines: Sequence[str], fences: Sequence[_Fence], index: int, length: int) -> int:
    """Index of the fence that ends the block which fence ``index`` opens; their number if the text's end does.

    It is the first that closes it or opens another, unless that leaves a string open
    and with one of the next few the block parses.
    """
    opening = fences[index]

    def ends(number: int) -> bool:
        fence = fences[number]
        return fence.char == opening.char and fence.length >= length and not fence.inline

    first = next((number for number in range(index + 1, len(fences)) if ends(number)), len(fences))
    for number in range(first, min(first + _LOOKAHEAD, len(fences) + 1)):
        if number < len(fences) and not ends(number):
            continue
        stop = fences[number].line if number < len(fences) else None
        tree = tree_or_error(dedent("\n".join(_content(lines[opening.line + 1 : stop], opening))))
        if not isinstance(tree, str):
            return number
        if not leaves_string_open(tree):
            break
    return first


def _block(info: str, content: list[str], closed: bool) -> Block:
    """The block, with the label and the first line of code where models misplace them."""
    if found := _CODE_AFTER_LABEL.fullmatch(info):
        content = [found[1], *content]
    if not info and content and _LABEL.fullmatch(content[0]):
        info, content = content[0], content[1:]
    return Block(_language(info), tuple(content), closed)


def _nested(block: Block, opening: _Fence, depth: int) -> list[Block]:
    """The block, after those it holds if its fence is one that can hold others (long, or of tildes)."""
    holds = opening.length > 3 or opening.char == "~"
    if not holds or depth == _DEPTH or not any("```" in line or "~~~" in line for line in block.lines):
        return [block]
    return [*read(block.lines, depth + 1)[0], block]


def _content(lines: Sequence[str], opening: _Fence) -> list[str]:
    if opening.quotes:
        mark = re.compile(rf"(?:[ \t]*>){{1,{min(opening.quotes, _QUOTES)}}}[ \t]?")
        return [line[found.end() :] if (found := mark.match(line)) else line for line in lines]
    return [line[min(opening.column, len(line) - len(line.lstrip(" \t"))) :] for line in lines]


def _language(info: str) -> str:
    found = _LANGUAGE.match(info.lower())
    return found[1] if found else ""
