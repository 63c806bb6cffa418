"""Reads from a request which conversation it belongs to: a budget for the thinking of many calls together."""

from collections.abc import Mapping
from typing import Any

from z1ray.errors import UserError
from z1ray.serving.quota.entries import Conversation

ID, BUDGET = "conversation_id", "conversation_budget"

_MAX_LENGTH = 128
# What SQLite, and any reader of its file, can hold.
_MAX_BUDGET = 2**53


def read_conversation(fields: Mapping[str, Any]) -> Conversation | None:
    """The conversation of a request; None if it names none (a null counts as unset).

    Raises:
        UserError: For a field of the wrong type or length, and one without the other.
    """
    named, budget = fields.get(ID), fields.get(BUDGET)
    if named is None and budget is None:
        return None
    for field, value, other in ((ID, named, BUDGET), (BUDGET, budget, ID)):
        if value is None:
            problem = f"{other} means nothing without it"
            raise UserError(field, value, problem, f"send {ID}, a name of your own, and {BUDGET}, in tokens")
    if not isinstance(named, str) or not 0 < len(named) <= _MAX_LENGTH or not _is_unicode(named):
        problem = f"it is no name of 1 to {_MAX_LENGTH} characters"
        raise UserError(ID, named, problem, "send one that is yours alone, such as a UUID")
    if type(budget) is not int or not 0 <= budget <= _MAX_BUDGET:
        problem = "it is no count of thinking tokens"
        raise UserError(BUDGET, budget, problem, f"send 0 to {_MAX_BUDGET}, the thinking of all calls together")
    return Conversation(named, budget)


def _is_unicode(text: str) -> bool:
    """False for half of a surrogate pair, which no file can hold."""
    return not any("\ud800" <= char <= "\udfff" for char in text)
