"""Errors name the field, say what is wrong with it and what to do, and always fit into JSON."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError, model_validator

from z1ray.serving.http.failures import describe, engine_error, error_response
from z1ray.serving.replica.errors import QUEUE_FULL, deadline_impossible
from z1ray.serving.window.deadline import DeadlineImpossible


class Part(BaseModel):
    """One of two kinds of message."""

    text: str


class Body(BaseModel):
    """A small request with what makes large ones hard to describe."""

    model: str
    temperature: float = 1.0
    messages: list[str | Part]

    @model_validator(mode="before")
    @classmethod
    def _together(cls, body: Any) -> Any:
        if isinstance(body, dict) and body.get("temperature") == 9:
            raise TooHot("too hot")
        return body


class TooHot(ValueError):
    """As vLLM's own: it knows which parameter was wrong."""

    parameter = "temperature"


def described(body: Any) -> tuple[str | None, str]:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(body)
    # FastAPI puts where the value was found in front.
    error: dict[str, Any] = dict(caught.value.errors()[0])
    return describe({**error, "loc": ("body", *error["loc"])}, body)


@pytest.mark.parametrize(
    ("body", "field", "told"),
    [
        ({"messages": []}, "model", "is missing"),
        ({"model": "m", "messages": [], "temperature": "hot"}, "temperature", "'hot'"),
        ({"model": "m", "messages": ["hi", 7]}, "messages[1]", "7"),
        ({"model": "m", "messages": [{"text": 7}]}, "messages[0]", "7"),
        ({"model": "m", "messages": "hi"}, "messages", "'hi'"),
        ({"model": "m", "messages": [], "temperature": 9}, "temperature", "too hot"),
        ([], None, "valid dictionary"),
    ],
)
def test_an_error_names_the_field_as_the_client_wrote_it(body: Any, field: str | None, told: str) -> None:
    """Pydantic's own location lists the union members it tried, which no client has ever heard of."""
    found, message = described(body)
    assert (found or "").startswith(field or "")
    assert (found is None) == (field is None)
    assert "Part" not in (found or "")
    assert told in message


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", "日本", '"'])
def test_whatever_a_client_sends_can_be_quoted_back(text: str) -> None:
    """Half a surrogate pair is legal in JSON and impossible in UTF-8: quoting it made a 400 a 500."""
    body = json.loads(bytes(error_response(400, f"hint = {text}", kind="k", code="c", param=text).body))
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert body["error"]["message"].startswith("hint = ")


def test_a_client_may_come_back_when_there_is_room() -> None:
    """Clients wait as long as they are told and not at all otherwise."""
    assert int(error_response(429, "full", kind="k", code="c", retry=True).headers["retry-after"]) >= 1
    assert "retry-after" not in error_response(400, "bad", kind="k", code="c").headers


def test_a_deadline_that_is_impossible_is_not_taken_for_a_full_queue() -> None:
    """Both are 429; the client learns which, the earliest possible time, and when to come back."""
    refusal = engine_error(deadline_impossible(DeadlineImpossible(2.0, 7.25)))
    error = json.loads(bytes(refusal.body))["error"]
    assert (refusal.status_code, refusal.headers["retry-after"]) == (429, "6")
    assert (error["code"], error["type"], error["param"]) == ("deadline_impossible", "rate_limit_error", "deadline_s")
    assert "deadline_s = 2" in error["message"]
    assert "7.3 s" in error["message"]  # not 7.2, which would be refused again
    assert json.loads(bytes(engine_error(QUEUE_FULL).body))["error"]["code"] == "queue_full"
