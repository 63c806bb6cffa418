"""The final answer in a text: what a grader compares, without the reasoning around it."""

import re

from z1ray.window import CODE_HINT, MATH_HINT

_HINTS = tuple(hint.strip() for hint in (CODE_HINT, MATH_HINT))
_MARKER = re.compile(r"\banswer\b[*_]*[ \t]*(?:is|should be|=|:)[ \t]*:?", re.IGNORECASE)
_NUMBER = re.compile(r"[-+]?(?:(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?(?:/\d+)?")
_WRAPPINGS = (("**", "**"), ("$", "$"), ("`", "`"), ("\\(", "\\)"), ("\\[", "\\]"), ('"', '"'))


def final_answer(text: str) -> str | None:
    r"""The answer a text ends with, or None if it is empty.

    Looked for in this order, always the last one: what stands after Z1's hint (if the hint
    is there, the rest is looked for after it only); ``\boxed{...}``; "answer:", "answer is"
    and the like, with the rest of the line or the paragraph below; else the first paragraph
    after the hint, or without a hint the last line.
    """
    tail, hinted = _after_hint(text)
    found = _boxed(tail)
    if found is None:
        found = _marked(tail)
    if found is None:
        found = _first_paragraph(tail) if hinted else _last_line(tail)
    return _unwrapped(found) or None


def last_number(answer: str) -> str | None:
    """The last number in an answer, without thousands separators; None if there is none."""
    numbers = _NUMBER.findall(answer)
    return numbers[-1].replace(",", "") if numbers else None


def is_number(text: str) -> bool:
    """Whether a text is one number without separators."""
    return "," not in text and _NUMBER.fullmatch(text.strip()) is not None


def _after_hint(text: str) -> tuple[str, bool]:
    ends = [position + len(hint) for hint in _HINTS if (position := text.rfind(hint)) >= 0]
    return (text[max(ends) :], True) if ends else (text, False)


def _boxed(text: str) -> str | None:
    r"""The content of the last ``\boxed{...}`` whose braces close."""
    starts = [match.end() for match in re.finditer(r"\\boxed\{", text)]
    contents = (_until_closed(text[start:]) for start in reversed(starts))
    return next((content for content in contents if content is not None), None)


def _until_closed(text: str) -> str | None:
    """The text up to the brace that closes one opened before it; None if there is none."""
    depth = 1
    for position, letter in enumerate(text):
        depth += {"{": 1, "}": -1}.get(letter, 0)
        if depth == 0:
            return text[:position]
    return None


def _marked(text: str) -> str | None:
    matches = list(_MARKER.finditer(text))
    if not matches:
        return None
    line, _, below = text[matches[-1].end() :].partition("\n")
    # In "**Answer:** 42" the marker stands inside the bold text that ends after it.
    line = line.replace("**", "", line.count("**") % 2)
    return line if line.strip() else _first_paragraph(below)


def _first_paragraph(text: str) -> str:
    return re.split(r"\n[ \t]*\n", _unfenced(text).strip(), maxsplit=1)[0]


def _last_line(text: str) -> str:
    return _unfenced(text).strip().rpartition("\n")[2]


def _unfenced(text: str) -> str:
    """The text without the lines that open or close code blocks."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("```"))


def _unwrapped(answer: str) -> str:
    """The answer without surrounding spaces, markup, or the full stop of its sentence."""
    answer = answer.strip().removesuffix(".").strip()
    for opening, closing in _WRAPPINGS:
        if len(answer) > len(opening) + len(closing) and answer.startswith(opening) and answer.endswith(closing):
            return _unwrapped(answer[len(opening) : -len(closing)])
    return answer
