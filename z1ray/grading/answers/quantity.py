r"""Numbers as they are written: their exact value, and whether two of them are the same number.

Source: the normalisation of hendrycks/math (``_strip_string``: units, dollar and percent signs, degrees, ``\left``,
``\dfrac``, leading zeros, ``x =`` in front) and of openai/prm800k's grader (thousands separators, mixed numbers).
"""

import re
from fractions import Fraction

from z1ray.grading.answers.markup import one_spelling

_INTEGER = r"(?:\d{1,3}(?:(?:,|\{,\}|\\,|\\!,|,\\!|[ _'])\d{3})+(?!\d)|\d+)"
_DECIMAL = rf"(?:{_INTEGER}(?:\.\d*)?|\.\d+)"
_FRACTION = re.compile(
    rf"(?:(?P<whole>\d+)\s*(?=\\frac)|(?P<before>\d+)\s+(?=\d))?"
    rf"(?:\\frac\s*(?:\{{\s*(?P<top>-?{_DECIMAL})\s*\}}|(?P<t>\d))\s*(?:\{{\s*(?P<under>-?{_DECIMAL})\s*\}}|(?P<u>\d))"
    rf"|(?P<a>{_DECIMAL})\s*/\s*(?P<b>-?{_DECIMAL}))"
)
_POWER = re.compile(
    rf"(?:(?P<factor>{_DECIMAL})\s*(?:\\times|\\cdot|\*|x)\s*)?10\s*(?:\^|\*\*)\s*(?:\{{\s*(?P<braced>[-+]?\d+)\s*\}}"
    r"|\(\s*(?P<round>[-+]?\d+)\s*\)|(?P<bare>[-+]?\d+))"
)
_SCIENTIFIC = re.compile(rf"(?P<factor>{_DECIMAL})[eE](?P<power>[-+]?\d+)")
_SPACING = re.compile(r"\\(?:left|right|displaystyle|bigg?|Bigg?|quad|qquad)(?![A-Za-z])|\\[;:]")
# Far beyond any answer, and still quick to compute.
_MAX_EXPONENT, _MAX_DIGITS = 400, 1000
_SIGNIFICANT = 6


def spelled(text: str) -> str:
    """One spelling for what is written in many: fractions, spaces, signs."""
    text = _SPACING.sub(" ", one_spelling(text).replace(r"\!", "")).replace("{,}", ",").replace("~", " ")
    text = re.sub(r"(?<!\\)\\ ", " ", text)
    return re.sub(r"\s+", " ", re.sub(r"\\[dtc]frac(?![A-Za-z])", r"\\frac", text)).strip()


def value(text: str) -> Fraction | None:
    r"""The exact value of one number, or None if the text is none.

    Known are signs, thousands separators, decimals, ``3/4`` and ``\frac{3}{4}``, mixed numbers,
    ``1e3`` and ``2.5 \times 10^{3}``. What has to be worked out (``5-3``, ``2\sqrt{2}``) is no number.
    """
    text = spelled(text)
    if len(text) > _MAX_DIGITS:
        return None
    size = _unsigned(text[1:].lstrip() if text.startswith(("-", "+")) else text)
    return None if size is None else -size if text.startswith("-") else size


def same(reference: str, answer: str) -> bool | None:
    """Whether two numbers are equal; None if one of the texts is no number.

    A percent sign counts as a hundredth or as the unit of the question. A decimal with at
    least six significant digits also counts if it is the other number, rounded to its last place.
    """
    ours, theirs = percent(reference), percent(answer)
    wanted, given = value(ours.rstrip("%")), value(theirs.rstrip("%"))
    if wanted is None or given is None:
        return None
    pairs = {(wanted, given)}
    if "%" in ours + theirs:
        pairs.add((wanted / 100 if "%" in ours else wanted, given / 100 if "%" in theirs else given))
    return any(a == b or _rounded(a, b, theirs) or _rounded(b, a, ours) for a, b in pairs)


def percent(text: str) -> str:
    """The text with one ``%`` for every way to write percent at its end."""
    return re.sub(r"\s*(?:\\?%|\\text\s*\{\s*(?:percent|\\?%)\s*\}|\b(?:percent|per cent|pct)\.?)$", "%", text.strip())


def _unsigned(text: str) -> Fraction | None:
    if re.fullmatch(_DECIMAL, text):
        return _decimal(text)
    if found := _SCIENTIFIC.fullmatch(text):
        return _scaled(found["factor"], found["power"])
    if found := _POWER.fullmatch(text):
        return _scaled(found["factor"] or "1", found["braced"] or found["round"] or found["bare"])
    if found := _FRACTION.fullmatch(text):
        top = _signed(found["top"] or found["t"] or found["a"])
        under = _signed(found["under"] or found["u"] or found["b"])
        whole = int(found["whole"] or found["before"] or 0)
        # A mixed number has its sign in front.
        return None if under == 0 or (whole and top / under < 0) else whole + top / under
    return None


def _signed(text: str) -> Fraction:
    size = _decimal(text.lstrip("-"))
    return -size if text.startswith("-") else size


def _decimal(text: str) -> Fraction:
    digits = re.sub(r"[^\d.]", "", text)
    return Fraction(digits + "0" if digits.endswith(".") else digits)


def _scaled(factor: str, power: str) -> Fraction | None:
    return _decimal(factor) * Fraction(10) ** int(power) if abs(int(power)) <= _MAX_EXPONENT else None


def _rounded(exact: Fraction, decimal: Fraction, written: str) -> bool:
    found = re.search(r"\d*\.(\d+)%?$", written)
    if found is None or len(re.sub(r"\D", "", found[0]).lstrip("0")) < _SIGNIFICANT:
        return False
    places = len(found[1]) + (2 if "%" in written and decimal != value(written.rstrip("%")) else 0)
    return abs(exact - decimal) * Fraction(10) ** places <= Fraction(1, 2)
