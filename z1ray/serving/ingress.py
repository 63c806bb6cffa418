"""The HTTP side of the endpoint: Ray's OpenAI ingress, with errors in OpenAI's own shape.

Ray wraps an engine's error in a message of its own and drops ``param``; clients
look there for the field that was wrong.
"""

from collections.abc import AsyncGenerator, Awaitable
from typing import Any

from fastapi import HTTPException, Request
from ray.llm._internal.serve.core.configs.openai_api_models import (
    ChatCompletionRequest,
    CompletionRequest,
    ErrorResponse,
)
from ray.serve.llm.ingress import OpenAiIngress
from starlette.responses import JSONResponse, Response


class Refused(Exception):
    """An error that a model replica answered with before generating anything."""

    def __init__(self, response: ErrorResponse) -> None:
        super().__init__(response.error.message)
        self.response = response


class WindowIngress(OpenAiIngress):
    """``OpenAiIngress`` that passes a replica's error on as it is."""

    async def chat(self, body: ChatCompletionRequest, request: Request) -> Response:
        """POST /v1/chat/completions."""
        return await _answered(super().chat(body, request))

    async def completions(self, body: CompletionRequest, request: Request) -> Response:
        """POST /v1/completions."""
        if (await request.json()).get("max_tokens") is None:
            # vLLM's request has filled in OpenAI's 16, as if the client had asked for it.
            body.model_fields_set.discard("max_tokens")
        return await _answered(super().completions(body, request))

    async def _get_response(self, **call: Any) -> AsyncGenerator[Any, None]:
        async for response in super()._get_response(**call):
            first = response[0] if isinstance(response, list) else response
            if isinstance(first, ErrorResponse):
                raise Refused(first)
            yield response


async def _answered(answer: Awaitable[Response]) -> Response:
    try:
        return await answer
    except Refused as refused:
        return JSONResponse(refused.response.model_dump(), status_code=refused.response.error.code)
    except HTTPException as unrouted:
        # Ray raises it for a model that is missing or unknown.
        error = {"message": unrouted.detail, "type": "invalid_request_error", "param": "model"}
        return JSONResponse({"error": {**error, "code": unrouted.status_code}}, status_code=unrouted.status_code)
