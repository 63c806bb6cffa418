"""Error responses in OpenAI's shape: what is wrong, which field, and what to do about it."""

import logging
import reprlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from z1ray.serving.quota.answers import Denied
from z1ray.serving.replica.errors import LOST_REPLICA

Handler = Callable[[Request, Any], Awaitable[Response]]

RETRY_AFTER_S = 1
"""``Retry-After`` of a full queue or a lost replica: there is room again as soon as a request ends."""

_log = logging.getLogger(__name__)


def handlers() -> dict[type[Exception], Handler]:
    """The exception handlers of the FastAPI application."""
    from ray.exceptions import ActorDiedError, ActorUnavailableError

    from z1ray.upstream.ray_llm import OpenAIHTTPException

    return {
        RequestValidationError: _invalid,
        HTTPException: _refused,
        OpenAIHTTPException: _ray_refused,
        ActorDiedError: _lost,
        ActorUnavailableError: _lost,
        Exception: _broken,
    }


def error_response(
    status: int, message: str, *, kind: str, code: str, param: str | None = None, retry: bool = False
) -> JSONResponse:
    """One error in OpenAI's shape."""
    # JSON travels as UTF-8, and half of a surrogate pair, which JSON can escape, has no form there.
    error = {"message": _clean(message), "type": kind, "param": param and _clean(param), "code": code}
    headers = {"Retry-After": str(RETRY_AFTER_S)} if retry else None
    return JSONResponse({"error": error}, status, headers)


def engine_error(error: dict[str, Any]) -> JSONResponse:
    """The error a replica answered with, as a response; its ``code`` is the HTTP status."""
    status = error["code"]
    if "reason" in error:
        refusal = error_response(
            status, error["message"], kind=error["type"], code=error["reason"], param=error["param"]
        )
        refusal.headers["Retry-After"] = str(error["retry_after_s"])
        return refusal
    if status == 429:
        return queue_full()
    code = {400: "invalid_value", 404: "model_not_found", 503: "replica_lost"}.get(status, "engine_error")
    return error_response(
        status, error["message"], kind=error["type"], code=code, param=error["param"], retry=status == 503
    )


def describe(error: dict[str, Any], body: Any) -> tuple[str | None, str]:
    """The field of a validation error, None where it is the body as a whole, and a message for people.

    Args:
        error: One of pydantic's, with ``loc``, ``msg``, ``input`` and perhaps ``ctx``.
        body: What the client sent.
    """
    if error["type"] == "json_invalid":
        reason = error.get("ctx", {}).get("error", error["msg"])
        return None, f"the body is not valid JSON ({reason}); send a JSON object"
    raised = error.get("ctx", {}).get("error")
    field = _field(error["loc"][1:], body) or getattr(raised, "parameter", None)
    said = error["msg"].removeprefix("Value error, ").rstrip(".")
    if error["type"] == "missing":
        return field, f"{field or 'the body'} is missing; send it"
    if isinstance(body, bytes):
        return None, "the body is not JSON; send a JSON object, with the header 'Content-Type: application/json'"
    if field is None:
        return None, f"the request is not valid: {said}; correct it"
    value = "" if raised is not None else f" = {reprlib.repr(error.get('input'))}"
    return field, f"{field}{value} is not valid: {said}; correct it or leave it out"


def _field(location: Sequence[int | str], body: Any) -> str | None:
    """``messages[0].content`` from pydantic's location, without the union members that pydantic tried."""
    found = ""
    for part in location:
        if isinstance(body, dict) and part in body:
            found, body = f"{found}.{part}", body[part]
        elif isinstance(body, list) and isinstance(part, int) and part < len(body):
            found, body = f"{found}[{part}]", body[part]
        elif part == location[-1] and isinstance(body, dict):
            found = f"{found}.{part}"
    return found.removeprefix(".") or None


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    field, message = describe(error.errors()[0], error.body)
    return error_response(400, message, kind="invalid_request_error", code="invalid_value", param=field)


async def _refused(request: Request, error: HTTPException) -> Response:
    """Unknown paths and methods, bodies that are no text, and what Ray's ingress refuses."""
    endpoint = f"{request.method} {request.url.path}"
    known = "use /v1/chat/completions, /v1/completions or /v1/models"
    if error.status_code == 404 and error.detail == "Not Found":
        return error_response(
            404, f"{endpoint}: no such endpoint; {known}", kind="invalid_request_error", code="not_found"
        )
    if error.status_code == 405:
        allowed = dict(error.headers or {})
        refusal = error_response(
            405,
            f"{endpoint}: not a method of this endpoint; use {allowed.get('Allow', 'another')}",
            kind="invalid_request_error",
            code="method_not_allowed",
        )
        refusal.headers.update(allowed)
        return refusal
    if error.status_code == 404 or str(error.detail).startswith("Model parameter"):
        # Ray's ingress, for a model that is unknown or not named.
        return no_model(error.status_code, str(error.detail))
    kind = "invalid_request_error" if error.status_code < 500 else "server_error"
    return error_response(error.status_code, str(error.detail), kind=kind, code="refused")


async def _ray_refused(request: Request, error: Any) -> Response:
    """A model that is not served, or a response that began too late."""
    if error.status_code == 404:
        return no_model(404, error.message)
    kind = "invalid_request_error" if error.status_code < 500 else "server_error"
    return error_response(error.status_code, error.message, kind=kind, code="refused")


def no_model(status: int, said: str) -> JSONResponse:
    """The response to a request for a model that is not served, or that names none."""
    message = f"{said} GET /v1/models lists what is served."
    return error_response(status, message, kind="invalid_request_error", code="model_not_found", param="model")


def queue_full() -> JSONResponse:
    """The response to a request for which neither a replica nor the queue has room: 429."""
    message = f"the model's queue is full; send the request again after {RETRY_AFTER_S} s or more"
    return error_response(429, message, kind="rate_limit_error", code="queue_full", retry=True)


def denial(denied: Denied) -> JSONResponse:
    """The response to a request whose tokens were not reserved."""
    kind = "rate_limit_error" if denied.status == 429 else "server_error"
    response = error_response(denied.status, denied.message, kind=kind, code=denied.code)
    response.headers.update(denied.headers)
    return response


async def _lost(request: Request, error: Exception) -> Response:
    return engine_error(LOST_REPLICA)


async def _broken(request: Request, error: Exception) -> Response:
    request_id = request.headers.get("x-request-id", "unknown")
    _log.error("request %s failed", request_id, exc_info=error)
    message = f"the request failed inside the server; its log tells why under request id {request_id}"
    return error_response(500, message, kind="server_error", code="internal_error")


def _clean(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
