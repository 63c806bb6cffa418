"""Errors that a replica answers with: the ``error`` object of OpenAI's API, whose ``code`` is the HTTP status.

Where that says too little, ``reason`` is the code that the client gets, and ``retry_after_s`` its ``Retry-After``.
"""

import json
import logging
import math
import reprlib
from typing import Any

from z1ray.errors import UserError
from z1ray.serving.window.accounting import server_sent_event
from z1ray.serving.window.deadline import DeadlineImpossible

ErrorObject = dict[str, Any]

LOST_REPLICA: ErrorObject = {
    "message": "the replica that had the request was lost; another takes its place, send the request again",
    "type": "server_error",
    "param": None,
    "code": 503,
}
"""For a request whose replica or engine died."""

QUEUE_FULL: ErrorObject = {
    "message": "the model's queue is full",
    "type": "rate_limit_error",
    "param": None,
    "code": 429,
}
"""For a request whose sequences have no place among those that wait."""

_log = logging.getLogger(__name__)


def refusal(error: UserError) -> ErrorObject:
    """For a request that was refused with 400: field, value, problem and remedy."""
    message = f"{error.field} = {reprlib.repr(error.value)}: {error.problem}; {error.remedy}"
    return {"message": message, "type": "invalid_request_error", "param": error.field, "code": 400}


def deadline_impossible(impossible: DeadlineImpossible) -> ErrorObject:
    """For a request whose deadline holds no answer."""
    # Rounded up, so that a deadline of what is told is not refused for the digits that are not.
    deadline_s, earliest_s = impossible.deadline_s, math.ceil(impossible.earliest_s * 10) / 10
    message = (
        f"deadline_s = {deadline_s:g}: not even an answer without thinking is ready by then; the earliest possible is "
        f"{earliest_s:.1f} s after arrival; send a later one, or the request again when there is less load"
    )
    after = {"reason": "deadline_impossible", "retry_after_s": max(1, math.ceil(earliest_s - deadline_s))}
    return {"message": message, "type": "rate_limit_error", "param": "deadline_s", "code": 429, **after}


def cap_broken(reason: str) -> ErrorObject:
    """For a run that went past its budget without the hint; logged."""
    _log.error("%s", reason)
    return {"message": reason, "type": "server_error", "param": "thinking_budget", "code": 500}


def engine_died(reason: str) -> ErrorObject:
    """For a request whose engine died; the reason is logged, not told."""
    _log.error("the engine failed: %s", reason)
    return LOST_REPLICA


def in_event(event: str) -> ErrorObject | None:
    """The error that vLLM sends as an event of a stream; None if the event is none."""
    if not event.startswith('data: {"error"'):
        return None
    return client_error(json.loads(event.removeprefix("data: "))["error"])


def client_error(error: ErrorObject) -> ErrorObject:
    """An error of the engine as clients get it: its own faults become the loss of the replica."""
    return error if error["code"] < 500 else engine_died(error["message"])


def ending(error: ErrorObject) -> list[str]:
    """The last events of a stream that fails after it has begun."""
    return [server_sent_event({"error": error}), "data: [DONE]\n\n"]
