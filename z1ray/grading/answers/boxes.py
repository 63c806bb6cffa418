r"""Boxed answers: ``\boxed{...}`` and its relatives.

Source: ``last_boxed_only_string`` of hendrycks/math, which takes the last ``\boxed`` or ``\fbox`` and counts
braces. Boxes that stand side by side are one answer, as in math-verify.
"""

import re
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?:\{|(?=[^\s{}$\\]))")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)
_BETWEEN = re.compile(
    r"[\s$]*(?:[,;]|\\(?:quad|qquad|,|;)|&)?[\s$]*(?:(?:and|or|\\text\s*\{\s*(?:and|or)\s*\})[\s$]*)?"
)


class Boxes(NamedTuple):
    r"""The boxes a text ends with.

    Attributes:
        content: What they hold; of several, separated by commas.
        start: Position of the first of them.
    """

    content: str
    start: int


class _Box(NamedTuple):
    start: int
    end: int
    content: str


def last_boxes(text: str) -> Boxes | None:
    """The last box whose braces close, with the boxes right before it; None if there is none."""
    group: list[_Box] = []
    for box in reversed(_boxes(text)):
        if group and not _BETWEEN.fullmatch(text[box.end : group[0].start]):
            break
        group.insert(0, box)
    if not group:
        return None
    contents = list(dict.fromkeys(box.content.strip() for box in group))
    return Boxes(", ".join(contents), group[0].start)


def _boxes(text: str) -> list[_Box]:
    r"""All innermost boxes that close; ``\boxed 7`` holds what stands up to the next blank or ``$``."""
    pairs, found = _pairs(text), []
    for match in _BOX.finditer(text):
        start, braced = match.end(), match[0].endswith("{")
        end = pairs.get(start) if braced else _bare_end(text, start)
        if end is not None:
            found.append(_Box(match.start(), end + braced, text[start:end]))
    starts = [*(box.start for box in found), len(text)]
    return [box for box, after in zip(found, starts[1:], strict=True) if after >= box.end]


def _pairs(text: str) -> dict[int, int]:
    """Where each brace closes, by the position after the one that opens."""
    pairs, opened = {}, []
    for match in _BRACE.finditer(text):
        if match[0] == "{":
            opened.append(match.end())
        elif match[0] == "}" and opened:
            pairs[opened.pop()] = match.start()
    return pairs


def closing(text: str, start: int) -> int | None:
    """Where the brace closes that was opened before ``start``; None if it does not."""
    found = _pairs("{" + text[start:]).get(1)
    return None if found is None else start + found - 1


def _bare_end(text: str, start: int) -> int:
    found = re.search(r"[\s$]|$", text[start:])
    assert found is not None
    return start + found.start()
