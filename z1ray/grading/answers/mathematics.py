r"""Symbolic mathematics (MATH500), and numbers.

Source: math-verify 0.9 (the grader of lighteval's MATH500), which parses both sides to sympy and
compares values, sets, intervals, relations and matrices. Around it: hendrycks/math's normalisation;
openai/prm800k's rule that brackets must agree (``(1,2)`` is not ``\{1,2\}``); and words are compared
as words, since math-verify reads "yes" as a product of variables. An expression counts if it is
equal in value (prm800k would also refuse ``\sqrt{16}`` for 4); only the whole of it is looked at.
"""

import re

from z1ray.grading.answers import judging, phrasing
from z1ray.grading.answers.letters import letter, reference_letter
from z1ray.grading.answers.markup import unwrapped
from z1ray.grading.answers.quantity import percent, same, spelled, value
from z1ray.grading.answers.words import same_text
from z1ray.grading.config import SandboxConfig

_MAX_LENGTH = 1000
_AND = re.compile(r"\s*,?\s*(?:\\text\s*\{\s*,?\s*(?:and|or)\s*\}|\b(?:and|or)\b)\s*")
_IS = re.compile(r"(?<![<>!:\\])=|\\approx(?![A-Za-z])|\\equiv(?![A-Za-z])")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{3,}")
_FUNCTIONS = frozenset(
    (
        *("sin", "cos", "tan", "cot", "sec", "csc", "arcsin", "arccos", "arctan", "sinh", "cosh", "tanh"),
        *("log", "exp", "sqrt", "det", "gcd", "lcm", "min", "max", "mod", "inf", "infinity"),
    )
)
_GROUPS = {"(": ")", "[": "]", r"\{": r"\}"}
_SET = re.compile(r"^[A-Za-z]\s*\\in\s*(?=\\\{)")


def equal(reference: str, answer: str, config: SandboxConfig) -> bool:
    """Whether an answer is the reference, as a number, in words, or in symbols.

    Raises:
        judging.JudgeTimeout: If the comparison takes longer than ``config.timeout_s``.
        judging.JudgeError: If the comparison could not be made.
    """
    if (wanted := reference_letter(reference)) is not None:
        return letter(f"Answer: {answer}") == wanted
    gold = latex(phrasing.without_unit(unwrapped(reference)))
    given = [latex(reading) for reading in phrasing.readings(answer) if len(reading) <= _MAX_LENGTH]
    if not given or _other_unit(reference, answer):
        return False
    if any(squeezed(gold) == squeezed(one) for one in given) or (
        not re.search(r"\d", gold) and same_text(reference, answer)
    ):
        return True
    numbers = [same_number(gold, one) for one in given]
    if True in numbers:
        return True
    # A number that differs is wrong as a number; anything else may still be worked out to one.
    open_ones = [one for one, number in zip(given, numbers, strict=True) if number is None]
    return not _in_words(gold) and any(_symbolically(gold, one, config) for one in reversed(open_ones))


def same_number(gold: str, given: str) -> bool | None:
    """Whether both are the same number; of an equation, where the reference is none, its right side is meant."""
    found = same(gold, given)
    if found is not None or value(gold.rstrip("%")) is None or not _IS.search(given):
        return found
    sides = [side.strip() for side in _IS.split(given)]
    said = (
        sides[-1]
        if value(percent(sides[-1]).rstrip("%")) is not None or not re.fullmatch(r"[A-Za-z]", sides[-1])
        else sides[0]
    )
    return same(gold, phrasing.without_unit(said))


def latex(text: str) -> str:
    r"""One spelling of an expression: no ``$``, no spacing commands, no font commands, ``a, b`` for "a and b"."""
    text = spelled(unwrapped(text).replace(r"\$", "").replace("$", ""))
    text = re.sub(r"\\(?:mathbf|mathrm|textbf|boldsymbol|vec|mathit)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"(?:\^\s*\{?\s*\\circ\s*\}?|\\degrees?)(?![A-Za-z])", "", text)
    text = (
        re.sub(r"\s*\\[,;:!]", " ", _AND.sub(", ", text))
        .replace("**", "^")
        .replace(r"\%", "%")
        .replace(r"\varnothing", r"\emptyset")
    )
    text = re.sub(r"(?<=\d)\s*\*\s*(?=[\dA-Za-z(\\])|(?<=[A-Za-z)])\s*\*\s*(?=[\dA-Za-z(\\])", r" \\cdot ", text)
    text = re.sub(r"(?<![\\A-Za-z])(pi|sqrt|infty|sin|cos|tan|ln|log)(?![A-Za-z])", r"\\\1", text)
    text = re.sub(r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}", text)
    text = re.sub(r"(?<![<>=!])<=", r"\\le ", re.sub(r"(?<![<>=!])>=", r"\\ge ", text))
    return _SET.sub("", percent(text)).strip().rstrip(".,;").strip()


def squeezed(text: str) -> str:
    """The expression without spaces, for comparison letter by letter."""
    return re.sub(
        r"\s+(?!\d)|(?<!\d)\s+|(?<=\d),(?=\d{3}(?!\d))", "", text.replace(r"\le ", r"\leq ").replace(r"\ge ", r"\geq ")
    )


def _symbolically(gold: str, given: str, config: SandboxConfig) -> bool:
    if _in_words(given) or not given or not _same_brackets(gold, given) or not _same_base(gold, given):
        return False
    return judging.score({"rule": "mathematics", "reference": gold, "answer": given}, config) >= 1


def _in_words(text: str) -> bool:
    """Whether a text is prose, or a word, and no expression."""
    without_names = re.sub(r"\\(?:text|operatorname|begin|end)\s*\{[^{}]*\}", "", text)
    return any(word.lower() not in _FUNCTIONS for word in _WORD.findall(without_names))


def _same_brackets(gold: str, given: str) -> bool:
    kinds = _brackets(gold), _brackets(given)
    return None in kinds or kinds[0] == kinds[1]


def _brackets(text: str) -> tuple[str, str] | None:
    r"""The pair that holds the whole of a list, such as ``[`` and ``)`` of ``[1, 2)``; None if there is none."""
    opening = next((one for one in _GROUPS if text.startswith(one)), None)
    end = next((one for one in _GROUPS.values() if text.endswith(one)), None)
    if opening is None or end is None or "," not in text:
        return None
    depth = 0
    for match in re.finditer(r"\\?[{}()\[\]]", text):
        depth += 1 if match[0][-1] in "([{" else -1
        if depth == 0 and match.end() < len(text):
            return None
    return opening, end


def _same_base(gold: str, given: str) -> bool:
    """Whether two numerals of written bases have the same digits and base; math-verify drops the base."""
    bases = [re.fullmatch(r"([0-9A-Fa-f]+)\s*_\s*\{?\s*(?:\\text\{)?\s*(\w+)\s*\}*", text) for text in (gold, given)]
    if all(bases):
        return squeezed(gold) == squeezed(given) or len({(found[1], found[2]) for found in bases if found}) == 1
    return bases[1] is None


def _other_unit(reference: str, answer: str) -> bool:
    """Whether both name a unit by its symbol, and not the same."""
    units = [phrasing.symbol_of(unwrapped(reference)), *map(phrasing.symbol_of, phrasing.readings(answer))]
    return units[0] is not None and any(units[1:]) and units[0] not in units[1:]
