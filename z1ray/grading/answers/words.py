"""Answers in words: any text, and yes or no."""

import re
import string
import unicodedata

from z1ray.grading.answers.markup import unwrapped
from z1ray.grading.answers.phrasing import readings

_TRUTH = {"yes": True, "true": True, "no": False, "false": False, "是": True, "对": True, "否": False, "不是": False}
_TRUTH_FIRST = re.compile(
    r"^(?:(?:so|thus|hence|therefore|it is|it's|this is|that is|the statement is|definitely|clearly|simply)\b[, ]*)*"
    r"(yes|no|true|false)\b(?!\s*(?:and|or|/|one|such|more|less|solutions?|integer)\b|-)",
    re.IGNORECASE,
)


def same_text(reference: str, answer: str) -> bool:
    """Whether an answer says the same words.

    Case, spaces, quotation marks, an article in front and punctuation at the ends do not
    count, as in SQuAD's ``normalize_answer``; punctuation within the text does, since "1, 2" is
    not "12". A sentence that goes on after the answer does not count.
    """
    wanted = plain(reference)
    return any(plain(reading) == wanted for reading in readings(answer))


def plain(text: str) -> str:
    """The text in the one form in which two answers are compared."""
    text = re.sub(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}", r"\1", text)
    text = unicodedata.normalize("NFKC", unwrapped(text)).casefold()
    text = re.sub(r"\s+", " ", text.replace("\\ ", " ").replace("\u2019", "'")).strip(" ,;:.\"'*")
    text = re.sub(r"(?<=[^\W\d_])[!?]+$", "", text)
    text = re.sub(r"^(?:the|an|a) (?=\w)", "", text)
    inner = text[1:-1]
    # "(paris)" is "paris"; "(1, 2]" and "[1, 2]" are what they are.
    bracketed = text[:1] + text[-1:] == "()" and not set(inner) & set("(),;" + string.digits)
    return inner.strip() if bracketed else text


def is_words(text: str) -> bool:
    """Whether a reference is nothing but words, so that nothing in it can be worked out."""
    return re.fullmatch(r"[^\W\d_]{2,}(?:[ ,.'\u2019-]+[^\W\d_]+)*[.!?]?", text.strip()) is not None


def truth(text: str | None) -> bool | None:
    """What a yes or no answer says, also written as true or false; None if it says neither."""
    if text is None:
        return None
    text = unwrapped(text)
    if text.casefold().strip(" .!,") in _TRUTH:
        return _TRUTH[text.casefold().strip(" .!,")]
    found = _TRUTH_FIRST.match(text.replace("*", ""))
    return _TRUTH[found[1].lower()] if found else None
