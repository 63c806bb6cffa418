"""Other people's words for difficulty as easy, medium and hard."""

import re
from typing import Any

UNKNOWN = "unknown_difficulty"
"""Key of a row's metadata under which a difficulty stands that is none of the known words."""

_WORDS = {
    **dict.fromkeys(("easy", "very_easy", "introductory", "beginner", "basic"), "easy"),
    **dict.fromkeys(("medium", "medium_hard", "interview", "intermediate"), "medium"),
    **dict.fromkeys(("hard", "very_hard", "harder", "hardest", "competition", "advanced", "expert"), "hard"),
}
_NOTHING = {"", "unknown_difficulty", "unknown", "none", "null"}


def level(value: Any) -> str | None:
    """Easy, medium or hard for a published word (APPS, TACO, LeetCode, ...); None if it is none of them."""
    return _WORDS.get(_plain(value)) if isinstance(value, str) else None


def noted(value: Any) -> dict[str, str]:
    """What a row's metadata keeps of a difficulty that is given and not known."""
    is_given = value is not None and not (isinstance(value, str) and _plain(value) in _NOTHING)
    return {UNKNOWN: str(value)[:80]} if is_given and level(value) is None else {}


def _plain(word: str) -> str:
    return re.sub(r"[\s-]+", "_", word.strip().lower())
