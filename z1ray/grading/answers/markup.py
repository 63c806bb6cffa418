"""The markup around an answer: fences, bold, mathematics, quotes, and one spelling for Unicode's variants."""

import re
import unicodedata

from z1ray.grading.answers.boxes import closing

_WRAPPINGS = (
    *(("**", "**"), ("__", "__"), ("$$", "$$"), ("$", "$"), ("`", "`"), ("\\(", "\\)"), ("\\[", "\\]")),
    *(('"', '"'), ("'", "'"), ("“", "”"), ("*", "*"), ("「", "」"), ("<answer>", "</answer>")),
)
_COMMANDS = ("text", "textbf", "textit", "textrm", "mathrm", "mathbf", "mathit", "mathsf", "mbox", "boxed", "fbox")
_MAX_NESTED = 20
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ", "0123456789-+n")
_SIGNS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "×": r"\times ", "⋅": r"\cdot ", "·": r"\cdot ", "÷": "/", "⁄": "/", "∕": "/"}
    | {"π": r"\pi ", "∞": r"\infty ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\neq ", "±": r"\pm ", "∪": r"\cup "}
    | {"∩": r"\cap ", "∅": r"\emptyset ", "∈": r"\in ", "°": r"^\circ ", "≈": r"\approx ", "θ": r"\theta "}
    | {"…": r"\ldots ", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "ℝ": r"\mathbb{R}", "′": "'"}
)


def unfenced(text: str) -> str:
    """The text without the lines that open or close code blocks."""
    return "\n".join(line for line in text.splitlines() if not line.lstrip().startswith(("```", "~~~")))


def unwrapped(answer: str) -> str:
    """The answer without surrounding spaces, markup, or the full stop of its sentence."""
    for _ in range(_MAX_NESTED):
        inner = _without_one(answer)
        if inner == answer:
            break
        answer = inner
    return answer


def _without_one(answer: str) -> str:
    answer = answer.strip()
    answer = answer.removesuffix("<|im_end|>").removesuffix("</answer>").strip().rstrip("。")
    answer = re.sub(r"(?<![.\\])\.$", "", answer).strip()
    for opening, end in _WRAPPINGS:
        inner = answer[len(opening) : -len(end)]
        wrapped = len(answer) > len(opening) + len(end) and answer.startswith(opening) and answer.endswith(end)
        # "$1$ and $2$" is not one formula.
        if wrapped and opening not in inner:
            return inner.strip()
    found = re.match(rf"\\(?:{'|'.join(_COMMANDS)})\s*\{{", answer)
    if found and closing(answer, found.end()) == len(answer) - 1:
        return answer[found.end() : -1].strip()
    return answer


def one_spelling(text: str) -> str:
    """Unicode's mathematical signs as LaTeX, full-width letters and digits as plain ones."""
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ]+", lambda found: "^{" + found[0].translate(_SUPERSCRIPTS) + "}", text)
    text = re.sub(r"√\s*\(([^()]*)\)|√\s*(\d+|\w)", lambda found: rf"\sqrt{{{found[1] or found[2]}}}", text)
    text = re.sub(r"(?<=\d)([¼½¾⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞])", r" \1", text)
    return unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
