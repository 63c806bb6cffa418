r"""Answers within a sentence: words before ("it is 42"), units and remarks after ("42 apples, since ...").

Only words go, and only where they change nothing: "between 5 and 10", "not 10", "at least 10" stay whole and are
no number. Units go as in hendrycks/math (``remove_right_units``, currency), which takes them for part of the question.
"""

import re

from z1ray.grading.answers.markup import unwrapped

# No answer in a sentence is longer, and patterns with blanks take the square of it.
_MAX_LENGTH = 1000
_LEAD = re.compile(
    r"^(?:(?:so|thus|hence|therefore|then|and|well|ok|okay)\b[, ]*)*"
    r"(?:[^\d$\\=<>\n]*?\b(?:is|are|was|equals|equal to|be|get|have|has|gives|yields|obtain|costs?|takes?|makes?|needs?"
    r"|earns?|paid|pays?|contains?|there are|there is)\b:?\s*|[^\d$\\=<>\n,]{1,40}:\s+)?"
    r"(?:(?:exactly|precisely|simply|just|only|therefore|thus|also|then|approximately|about|around|roughly|equal to"
    r"|a total of|at|\\approx|~|≈|=|:)\s*)*",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|n't|isn't|never|neither|nor|between|than|least|most|either|except|without|cannot|from|below|above|under"
    r"|over|up to|within|unknown|half|twice|times|dozen|minus|plus)\b|n't\b",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"[,;]?\s+(?:\(?(?:because|since|as|which|where|so|for|assuming|given|hence|thus|therefore|i\.e\.|when|with|after"
    r"|rounded|in total|altogether|in all|per|each|left|remaining)\b|[-—–]\s).*$|\s+\([A-Za-z][^()]*\)\s*$",
    re.DOTALL | re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[\w})\]$%°*])[.!。]\**\s+(?=\**[A-Z\"'(]).*$", re.DOTALL)
_CURRENCY = re.compile(r"^([-+]?)\s*(?:\\?\$|€|£|¥|₹|\\text\{?\\?\$\}?|USD|EUR|GBP|Rs\.?|US\\?\$)\s*(?=[\d.])")
_FRACTION = r"\\frac\s*\{[^{}]*\}\s*\{[^{}]*\}"
_NUMBER_FIRST = (
    rf"[-+]?\s*(?:{_FRACTION}|\d+\s*{_FRACTION}|[\d.,]*\d(?:[eE][-+]?\d+)?(?:\s*/\s*\d+)?"
    r"|[\d.,]+\s*(?:\\times|\\cdot)\s*10\^\{?[-+]?\d+\}?)"
)
_POWERED = r"(?:\s*\^\s*\{?\s*-?\d\s*\}?)?"
# Units that are one letter or could be read as a product of variables.
_SYMBOLS = (
    "km|cm|mm|nm|dm|m|kg|mg|g|s|ms|min|h|hr|hrs|L|l|mL|ml|ft|in|yd|mi|lb|lbs|oz|mph|kph|Hz|kHz|MHz|J|kJ|eV|keV|MeV|GeV|W|kW|N|K|Pa|kPa|V|A"
    "|mol|M|mM|sq|cu|rad|deg|C|F|am|pm|AM|PM"
)
_WORD = rf"(?:[A-Za-z]{{3,}}|of|by|(?:{_SYMBOLS}))"
_UNIT = re.compile(
    rf"^(?P<number>{_NUMBER_FIRST})(?:\s*\^\s*\{{?\s*\\circ\s*\}}?\s*[CF]?|\s*\\degrees?|\s*\\?[$€£¥₹]"
    rf"|(?:\s|\\,|~)*\\(?:text|mathrm|textrm|mbox|rm|textbf|operatorname)\s*\{{[^{{}}\d]*\}}{_POWERED}(?:\s*/?\s*\\(?:text|mathrm)\s*\{{[^{{}}\d]*\}}{_POWERED})*"
    rf"|\s*(?:{_SYMBOLS})(?:/(?:{_SYMBOLS}))?{_POWERED}|(?:\s+|-){_WORD}{_POWERED}(?:(?:\s+|\s*/\s*|-){_WORD}{_POWERED}){{0,4}}|\s*[\u4e00-\u9fff]{{1,4}})$"
)
_FORMULA = re.compile(rf"\$(?P<inner>[^$]+)\$(?P<unit>(?:[\s-]+{_WORD}{_POWERED}){{1,5}})")
# After an expression that is no number only what cannot be a variable is a unit.
_EXPRESSION = re.compile(
    rf"(?P<inner>.*[\w}})])(?P<unit>(?:\s|\\,|~)*\\(?:text|mathrm|mbox)\s*\{{[^{{}}\d]*\}}{_POWERED}"
    rf"|(?<=[\d}})])\s+(?:km|cm|mm|dm|inches|feet|units|square units){_POWERED})"
)
_CONNECTIVE = re.compile(r"\b(?:and|or|to|but|if|unless|vs|versus)\b", re.IGNORECASE)
_PER_CENT = re.compile(r"percent|per cent|pct|hundred|thousand|million|billion|dozen", re.IGNORECASE)


def readings(answer: str) -> list[str]:
    """The answer as it stands and with the words around it taken off, most literal first.

    None of them leaves out a number or a sign: a reading either is the whole of what was
    answered, or ends where a sentence or a remark ("because ...") begins.
    """
    if len(answer) > _MAX_LENGTH:
        return [answer]
    found = [answer]
    for shortened in (_SENTENCE.sub("", answer), _REMARK.sub("", _SENTENCE.sub("", answer))):
        found += [unwrapped(shortened), bare(shortened)]
    return list(dict.fromkeys(one for one in found if one))


def bare(answer: str) -> str:
    """The answer without words before it, currency and unit."""
    answer = unwrapped(answer)
    if _NEGATION.search(answer):
        return answer
    lead = _LEAD.match(answer)
    rest = unwrapped(answer[lead.end() :]) if lead else answer
    return without_unit(rest or answer)


def without_unit(answer: str) -> str:
    """A number without its currency sign and unit; any other text as it is."""
    if (formula := _FORMULA.fullmatch(answer)) and not _CONNECTIVE.search(formula["unit"]):
        return formula["inner"].strip()
    answer = _CURRENCY.sub(r"\1", answer).strip()
    found = _UNIT.match(answer) or _EXPRESSION.fullmatch(answer)
    if found is None:
        return answer
    unit = answer[found.end(1) :]
    return answer if _CONNECTIVE.search(unit) or _PER_CENT.search(unit) else found[1].strip()


def symbol_of(answer: str) -> str | None:
    """The unit's symbol ("cm"), if an answer is a number with one."""
    found = re.search(rf"[\d}}]\s*(?:\\,|\s)*(?:\\(?:text|mathrm)\s*\{{)?\s*({_SYMBOLS})\s*\}}?{_POWERED}$", answer)
    return found[1] if found else None
