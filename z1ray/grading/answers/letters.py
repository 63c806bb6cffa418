r"""One letter of several choices (GPQA and the like).

Source: openai/simple-evals ``ANSWER_PATTERN_MULTICHOICE`` (``Answer: C``) and the GPQA authors' own patterns ("The
answer is (C)", "correct answer is C"), joined with ``\boxed{C}``, which Z1's hint for mathematics asks for. A text
that names no letter, or two, has given no answer, which is told apart from a wrong one.
"""

import re

from z1ray.grading.answers.boxes import last_boxes
from z1ray.grading.answers.extract import after_hint, final_answer
from z1ray.grading.answers.markup import one_spelling, unfenced, unwrapped

_OPEN = r"(?:\\(?:text|textbf|mathrm|mathbf|boxed)\s*\{\s*|\\\(|\$|\*\*|__|[(\[*_`\"']){0,6}"
_WORDS = r"(?:(?:option|choice|letter|answer)s?\s*)?"
_END = (
    r"(?=\s*(?:[)\]}.,:;*_`$\"'!。，、：）]|\\\)|$|\n|[-–—]\s"
    r"|(?:because|since|as|is|which|with|from|for|based|due|given|and not|not)\b))"
)
_LETTER = rf"{_OPEN}{_WORDS}{_OPEN}(?P<letter>[A-Za-z]){_END}"
_SAID = re.compile(
    r"(?:\b(?:answer|choice|option|solution|response)s?\b[*_\"]*(?:\s+to\b[^.:\n]{1,60}?)?(?:,[^,.\n]{1,30},)?\s*"
    r"(?:(?:is|are|should be|must be|would be|will be"
    r"|=|:|：|→)\s*:?)+(?:\s*(?:definitely|clearly|therefore|thus|most likely|likely|probably|indeed))?"
    r"|\b(?:choose|select|pick|go with|going with)\b:?|(?:答案|选项|选择|选|選)(?:是|为|[:：])*)[\s*_]*" + _LETTER,
    re.IGNORECASE,
)
_NAMED = re.compile(
    rf"\b(?:option|choice|answer)\s*{_OPEN}(?P<letter>[A-Z])\b[)\]*]*\s+(?:is|must be|would be)\s+"
    r"(?:the\s+)?(?:correct|right|best|true|answer)\b",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"[\s>#-]*{_LETTER}", re.IGNORECASE)
_SECOND = re.compile(
    r"^[)\]}*_.$\s]*(?:,?\s*(?:or|and|/|&)\s*|,\s*|/\s*)[(*$]*(?:option\s*)?\(?[A-Za-z](?=[).,*$\s]|$)(?!\s+\w)",
    re.IGNORECASE,
)


def letter(text: str) -> str | None:
    """The letter a text chooses, as a capital; None if it chooses none, or several."""
    tail, hinted = after_hint(text)
    # A pattern that meets blanks in several places takes the square of their number.
    tail = re.sub(r"(?: ?\n ?)+", "\n", re.sub(r"[ \t\r\f\v]+", " ", one_spelling(tail)))
    # The box of a choice may hold its letter, or the letter with the text of the choice.
    boxes = last_boxes(tail)
    if boxes is not None:
        return _alone(boxes.content)
    said = [*_SAID.finditer(tail), *_NAMED.finditer(tail)]
    if said:
        return _only(max(said, key=lambda found: found.start()), tail)
    if hinted:
        return _alone(tail.strip().partition("\n")[0])
    lines = unfenced(tail).strip().splitlines()
    return _alone(final_answer(tail) or "") or (_alone(lines[-1]) if lines else None)


def reference_letter(reference: str) -> str | None:
    r"""The letter of a reference such as ``C``, ``(C)`` or ``\text{(C)}``; None if it is something else."""
    found = re.fullmatch(r"\(?([A-Z])[).]?", unwrapped(reference))
    return found[1] if found else None


def _alone(answer: str) -> str | None:
    answer = unwrapped(answer)
    found = _ALONE.match(answer)
    return _only(found, answer) if found else None


def _only(found: re.Match[str], text: str) -> str | None:
    if _SECOND.match(text[found.end("letter") :]):
        return None
    return found["letter"].upper()
