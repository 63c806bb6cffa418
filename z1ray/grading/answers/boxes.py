r"""Boxed answers: ``\boxed{...}`` and its relatives.

Source: ``last_boxed_only_string`` of hendrycks/math, which takes the last ``\boxed`` or ``\fbox`` and counts
braces. Boxes that stand side by side are one answer, as in math-verify.
"""

import re
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)\s*(?:\{|(?=[^\s{}$\\]))")
_BETWEEN = re.compile(r"[\s$]*(?:[,;]|\\(?:quad|qquad|,|;)|&)?[\s$]*(?:(?:and|or|\\text\s*\{\s*(?:and|or)\s*\})[\s$]*)?")


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
    r"""All outermost boxes that close; ``\boxed 7`` holds what stands up to the next blank or ``$``."""
    boxes: list[_Box] = []
    for match in _BOX.finditer(text):
        if boxes and match.start() < boxes[-1].end:
            continue
        end = closing(text, match.end()) if match[0].endswith("{") else _bare_end(text, match.end())
        if end is not None:
            inner = last_boxes(text[match.end() : end])
            content = inner.content if inner is not None else text[match.end() : end]
            boxes.append(_Box(match.start(), end + match[0].endswith("{"), content))
    return boxes


def closing(text: str, start: int) -> int | None:
    """Where the brace closes that was opened before ``start``; None if it does not."""
    depth = 1
    for match in re.finditer(r"\\.|[{}]", text[start:], re.DOTALL):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return start + match.start()
    return None


def _bare_end(text: str, start: int) -> int:
    found = re.search(r"[\s$]|$", text[start:])
    assert found is not None
    return start + found.start()
