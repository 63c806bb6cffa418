"""Request bodies: whatever a client sends is either understood or refused, and never breaks what reads it.

Python's JSON reader takes more than JSON (``NaN``, numbers beyond any float,
halves of surrogate pairs), all of which fails only later, in the engine or in
a response. And vLLM's validators expect fields of about the right kind.
"""

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

# What a validator raises that was not written for the value it got.
_UNFORESEEN = (TypeError, AttributeError, LookupError)
_MAX_DIGITS = 40


class BadField(ValueError):
    """A refusal that knows the field, for pydantic to pass on.

    Attributes:
        parameter: The field, as vLLM's own errors name theirs; None if unknown.
    """

    def __init__(self, problem: str, parameter: str | None) -> None:
        super().__init__(problem)
        self.parameter = parameter


class StrictRoute(APIRoute):
    """A route whose requests hold JSON as RFC 8259 has it."""

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
        value = json.loads(raw, parse_constant=_constant, parse_float=_float, parse_int=_int)
        if b"\\u" in raw:
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise json.JSONDecodeError("it is nested too deeply", "", 0) from error
    except UnicodeError as error:
        raise json.JSONDecodeError("it has halves of surrogate pairs, or is not UTF-8", "", 0) from error
    except ValueError as error:
        raise json.JSONDecodeError(str(error), "", 0) from error
    return value


def readable(body: Any, validate: Callable[[Any], Any]) -> Any:
    """A validator around a request model's own: all that goes wrong in it is the client's to mend.

    Raises:
        BadField: In place of vLLM's errors, which pydantic does not know, and of accidents.
    """
    from ray.llm._internal.serve.core.configs.openai_api_models import ChatCompletionRequest
    from ray.llm._internal.serve.core.ingress.utils import _sanitize_chat_completion_request
    from vllm.exceptions import VLLMClientError

    try:
        request = validate(body)
    except VLLMClientError as error:
        raise BadField(str(error), getattr(error, "parameter", None)) from error
    except _UNFORESEEN as error:
        raise BadField("the value is of a kind that is not known here", _culprit(body, validate)) from error
    if isinstance(request, ChatCompletionRequest):
        try:
            # Its message parts are checked only when they are looked at.
            return _sanitize_chat_completion_request(request)
        except (ValueError, TypeError) as error:
            raise BadField(
                "a message has content or tool calls of a kind that is not known here", "messages"
            ) from error
    return request


def _culprit(body: Any, validate: Callable[[Any], Any]) -> str | None:
    """The field without which the body would have been read or refused in order."""
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


def _constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError(f"{text[:20]}... is too large a number")
    return int(text)


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is too large a number")
    return value
