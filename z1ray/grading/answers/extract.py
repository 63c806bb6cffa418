r"""The final answer in a text: what a grader compares, without the reasoning around it.

Where an answer may stand follows the extraction of hendrycks/math (the last ``\boxed`` or
``\fbox``), of Minerva ("Final Answer: The final answer is ... I hope it is correct."), of
openai/simple-evals ("Answer: ...") and of GSM8K ("#### ..."). Nothing is ever cut out of the
middle of an answer: an answer is a whole box, or begins right after its marker.
"""

import re

from z1ray.grading.answers.boxes import last_boxes
from z1ray.grading.answers.markup import unfenced, unwrapped
from z1ray.window import CODE_HINT, MATH_HINT

_HINTS = tuple(hint.strip() for hint in (CODE_HINT, MATH_HINT))
_VERB = (
    r"(?:is|are|was|should be|must be|would be|will be|equals?|becomes|comes out to(?: be)?)\b[ \t]*[:=]?"
    r"|[:=：]|->|→|\\to\b"
)
# "Answer: 42", "**Final answer**: 42", "### Answer", "<answer>42", "#### 42", "答案：42" label what follows.
_LABEL = re.compile(
    r"(?im)^[ \t>*_#-]*(?:(?:so|thus|hence|therefore)\b,?[ \t]*)?(?:my |the |our )?(?:(?:final|correct|right) )?"
    r"(?:answers?|result|solution)[*_]*[ \t]*(?:[:=：]|→|->)[ \t]*(?:\*\*)?[ \t]*"
    r"|^[ \t]*#+[ \t]*(?:the )?(?:final |correct )?answers?[ \t]*:?[ \t]*$"
    r"|^####[ \t]+(?=\S)"
    r"|<answer>"
    r"|(?:最终)?答案[*_]*[ \t]*(?:是|为|[:：=])+[ \t]*[:：]?"
)
# "so the answer to the question is 42" says it within a sentence; "your answer is", "an answer is" do not.
_PHRASE = re.compile(
    r"\b(?<!to )(?<!if )(?:the|final|correct|right|our|so|ANSWER)\b(?:[ \t]+\w+){0,2}?[ \t]*"
    r"\banswers?\b[*_]*(?:[ \t]+(?:to|for|of)\b[^.:=\n]{1,80}?)?(?:,[^,.\n]{1,30},)?[ \t]*"
    r"(?:(?:also|then|therefore|thus|simply)[ \t]+)?"
    rf"(?:{_VERB})[ \t]*(?:\*\*)?[ \t]*",
    re.IGNORECASE,
)
_PLAIN = re.compile(rf"\banswers?\b[*_]*[ \t]*(?:{_VERB})[ \t]*(?:\*\*)?[ \t]*", re.IGNORECASE)


def final_answer(text: str) -> str | None:
    r"""The answer a text ends with, or None if it is empty.

    Looked for in this order, always the last one: what stands after Z1's hint (if the hint
    is there, the rest is looked for after it only); a labelled answer ("Answer: ...") after
    every box; ``\boxed{...}``, with neighbours joined by commas or "and" as one answer; "the
    answer is" and the like, with the rest of the line or the paragraph below; else the first
    paragraph after the hint, or without a hint the last line.
    """
    tail, hinted = after_hint(text)
    region, start = _labelled(tail)
    boxes = last_boxes(tail)
    found = boxes.content if boxes is not None and boxes.start > start else None
    if found is None and region is not None:
        boxes = last_boxes(region)
        found = boxes.content if boxes is not None else _line(region)
    if found is None:
        found = _phrased(tail)
    if found is None:
        found = first_paragraph(tail) if hinted else _last_line(tail)
    return unwrapped(found) or None


def answer_region(text: str) -> str | None:
    """Everything from where the answer begins to the end of the text, fences left out; None if it is empty.

    The answer begins after Z1's hint and after the last label "Answer:", where there are such.
    For answers of several lines, of which only the caller knows where they end.
    """
    tail, _ = after_hint(text)
    region, _ = _labelled(tail)
    if region is None and (found := list(_PLAIN.finditer(tail))):
        region = tail[found[-1].end() :]
    return unfenced(tail if region is None else region).strip("\n") or None


def after_hint(text: str) -> tuple[str, bool]:
    """The text after Z1's hint, if it is there, and whether it is."""
    ends = [position + len(hint) for hint in _HINTS if (position := text.rfind(hint)) >= 0]
    return (text[max(ends) :], True) if ends else (text, False)


def first_paragraph(text: str) -> str:
    """The text up to its first blank line, fences left out."""
    return re.split(r"\n[ \t]*\n", unfenced(text).strip(), maxsplit=1)[0]


def _labelled(text: str) -> tuple[str | None, int]:
    """What follows the last label and where it begins; None and -1 if there is no label with anything after it."""
    for match in reversed(list(_LABEL.finditer(text))):
        region = text[match.end() :].partition("</answer>")[0]
        if region.strip("*_ \t\n"):
            return _balanced(region), match.start()
    return None, -1


def _phrased(text: str) -> str | None:
    for pattern in (_PHRASE, _PLAIN):
        matches = list(pattern.finditer(text))
        if matches:
            match = matches[-1]
            return _line(_balanced(text[match.end() :]))
    return None


def _balanced(region: str) -> str:
    """The region without the ``**`` that closes bold text begun before or in its marker."""
    line, newline, rest = region.partition("\n")
    if line.count("**") % 2:
        # That of "2**3" closes nothing.
        line = re.sub(r"\*\*(?=[\s.]|$)", "", line, count=1)
    return line + newline + rest


def _line(region: str) -> str:
    """The rest of the line, or where it is empty, or opens an environment, the paragraph."""
    line, _, below = region.partition("\n")
    if not line.strip() or line.strip() in {"$$", "\\["} or (r"\begin{" in line and r"\end{" not in line):
        return first_paragraph(below if not line.strip() else region)
    return line if not line.lstrip().startswith("```") else first_paragraph(region)


def _last_line(text: str) -> str:
    lines = [line for line in unfenced(text).strip().splitlines() if line.strip() not in {"$$", "\\[", "\\]", "---"}]
    return lines[-1] if lines else ""
