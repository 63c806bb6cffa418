"""Request bodies: strict JSON, and validation errors that name the field, whatever a client sends.

Python's JSON reader accepts more than JSON (``NaN``, numbers beyond any float,
lone surrogates), all of which fails only later, in the engine or in a response:
msgspec reads the bodies. And vLLM's validators raise errors of the wrong kind for
fields of the wrong type.
"""

import json
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# What a validator raises for a value of a type that it does not expect.
_UNFORESEEN = (TypeError, AttributeError, LookupError)

_EFFORT = "reasoning_effort"


class BadField(ValueError):
    """A validation error that names the field; pydantic passes it on.

    Attributes:
        parameter: The field, as vLLM's own errors name theirs; None if unknown.
    """

    def __init__(self, problem: str, parameter: str | None) -> None:
        super().__init__(problem)
        self.parameter = parameter


class StrictRoute(APIRoute):
    """A route that accepts JSON as RFC 8259 defines it, and nothing else."""

    def get_route_handler(self) -> Handler:
        """FastAPI's handler, with a strict reader."""
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(_StrictRequest(request.scope, request.receive))

        return strict


class _StrictRequest(Request):
    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            self._json = read_json(await self.body())
        return self._json


def read_json(raw: bytes) -> Any:
    """The value of a JSON text.

    Raises:
        json.JSONDecodeError: If it is none; FastAPI answers that with 400.
    """
    try:
        return msgspec.json.decode(raw)
    except RecursionError as error:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from error
    except ValueError as error:  # msgspec's own errors, and text that is not UTF-8
        raise json.JSONDecodeError(str(error), "", 0) from error


def readable(body: Any, validate: Callable[[Any], Any]) -> Any:
    """Wraps a request model's validator so that whatever fails in it is answered with 400.

    Raises:
        BadField: In place of vLLM's own errors, which pydantic does not know, and of type errors in its validators.
    """
    from vllm.exceptions import VLLMClientError

    from z1ray.upstream.ray_llm import ChatCompletionRequest, checked_messages

    effort = body.get(_EFFORT) if isinstance(body, dict) else None
    try:
        # A model's efforts have the names that its operator gave them; vLLM's chats know only its own.
        request = validate(body if effort is None else {key: body[key] for key in body if key != _EFFORT})
    except VLLMClientError as error:
        raise BadField(str(error), getattr(error, "parameter", None)) from error
    except _UNFORESEEN as error:
        raise BadField("the value is of a kind that is not known here", _culprit(body, validate)) from error
    if effort is not None:
        setattr(request, _EFFORT, effort)
    if isinstance(request, ChatCompletionRequest):
        try:
            # Its message parts are checked only when they are looked at.
            return checked_messages(request)
        except (ValueError, TypeError) as error:
            raise BadField(
                "a message has content or tool calls of a kind that is not known here", "messages"
            ) from error
    return request


def _culprit(body: Any, validate: Callable[[Any], Any]) -> str | None:
    """The field that broke the validator: without it, the body is accepted or refused with a proper error."""
    from vllm.exceptions import VLLMClientError

    for name in body if isinstance(body, dict) else ():
        try:
            validate({key: value for key, value in body.items() if key != name})
        except _UNFORESEEN:
            continue
        except (ValueError, VLLMClientError):
            pass
        return str(name)
    return None
