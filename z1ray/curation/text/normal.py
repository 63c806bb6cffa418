"""One spelling for texts that say the same: case, width, LaTeX and typographic signs."""

import re
import unicodedata
from collections.abc import Sequence

_SIGNS = str.maketrans(
    {
        **{sign: f"^{digit}" for digit, sign in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
        # Multiplication sign, middle dot, dot operator; division sign, fraction slash; minus.
        **{"\u00d7": "*", "\u00b7": "*", "\u22c5": "*", "\u00f7": "/", "\u2044": "/", "\u2212": "-"},
        **{"≤": "<=", "≥": ">=", "≠": "!=", "√": " sqrt ", "π": " pi ", "∞": " infty "},
    }
)
_FRACTION = re.compile(r"\\[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\[dtc]?frac\s*(\w)\s*(\w)")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mbox|operatorname|boldsymbol)\s*\{([^{}]*)\}")
_LAYOUT = re.compile(r"\\(?:left|right|bigg?|Bigg?|displaystyle|limits|quad|qquad)(?![a-zA-Z])|\\[,;:! ]")
_COMMANDS = {
    **{"cdot": "*", "times": "*", "ast": "*", "div": "/", "le": "<=", "leq": "<=", "ge": ">=", "geq": ">="},
    **{"ne": "!=", "neq": "!=", "lt": "<", "gt": ">"},
}
_COMMAND = re.compile(rf"\\({'|'.join(sorted(_COMMANDS, key=len, reverse=True))})(?![a-zA-Z])")


def normalize(text: str, boilerplate: Sequence[str] = ()) -> str:
    r"""The text in one spelling, for comparing only.

    Unicode compatibility forms (NFKC), lower case, mathematics as plain signs (``\frac{1}{2}``
    and ``½`` become ``1/2``), no Markdown emphasis.

    Args:
        text: Any text.
        boilerplate: Sentences to leave out.
    """
    for sentence in boilerplate:
        text = text.replace(sentence, " ")
    if "\\" in text:
        text = _plain_latex(text)
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_SIGNS)).translate(_SIGNS)
    return text.casefold().replace("**", " ")


def _plain_latex(text: str) -> str:
    text = _LAYOUT.sub(" ", text)
    text = _WRAPPED.sub(r" \1 ", text)
    # Twice: a fraction within a fraction is plain after the first time.
    for _ in range(2):
        text = _FRACTION.sub(r"(\1)/(\2)", text)
    text = _SHORT_FRACTION.sub(r"\1/\2", text)
    return _COMMAND.sub(lambda found: f" {_COMMANDS[found[1]]} ", text)
