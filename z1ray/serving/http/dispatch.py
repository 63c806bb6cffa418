"""Sends requests to the replicas of their model: retries, error responses, and streams that end with an error.

Ray's ingress picks the model's deployment. What z1ray adds: errors of an engine
arrive as that engine gave them (Ray wraps them and drops ``param``, where clients
look for the field that was wrong), and a request whose replica died before it
had answered anything is sent to another one.
"""

import asyncio
import random
import reprlib
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any

from fastapi import Request
from pydantic import WrapValidator
from ray.exceptions import ActorDiedError, ActorUnavailableError, TaskCancelledError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError
from ray.serve.handle import DeploymentHandle
from ray.serve.llm.ingress import OpenAiIngress
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive

from z1ray.serving.http.bodies import readable
from z1ray.serving.http.failures import denial, engine_error, no_model, queue_full
from z1ray.serving.http.readiness import Readiness
from z1ray.serving.notes import with_note
from z1ray.serving.quota.answers import Allowance, Denied, Headers
from z1ray.serving.replica.errors import LOST_REPLICA, ending
from z1ray.serving.replica.metrics import REJECTED, RequestCounter
from z1ray.upstream import ray_llm
from z1ray.upstream.ray_llm import ChatCompletionRequest, CompletionRequest, ErrorResponse, ModelCard

Body = ChatCompletionRequest | CompletionRequest
ChatBody = Annotated[ChatCompletionRequest, WrapValidator(readable)]
CompletionBody = Annotated[CompletionRequest, WrapValidator(readable)]
# Whole responses, or for a stream lists of server-sent events.
Answers = AsyncGenerator[Any, None]
# The first answer, those that follow, and the response's headers.
Begun = tuple[Any, Answers, Headers]

_LOST = (ActorDiedError, ActorUnavailableError)
# A replica whose engine died leaves after its next health check, two seconds later at most.
_RETRY_DELAYS_S = (0.25, 0.5, 1.0, 2.0, 4.0)
# Ray counts as waiting what it is just handing to a free replica: of many requests in one moment it refuses some
# that there is room for. A queue that is full stays so for longer.
_QUEUE_DELAYS_S = (0.1, 0.2, 0.4, 0.8)


class WindowIngress(OpenAiIngress):
    """``OpenAiIngress`` for models with a window.

    Args:
        llm_deployments: Handles of the models' deployments by model name.
        model_cards: What ``/v1/models`` says of them.
        lora_paths: Where adapters are loaded from, by base model.
        windows: Window settings by model name, as mappings; the cards show them.
    """

    def __init__(
        self,
        llm_deployments: dict[str, DeploymentHandle[Any]],
        model_cards: dict[str, ModelCard],
        lora_paths: dict[str, str] | None = None,
        *,
        windows: dict[str, dict[str, Any]],
    ) -> None:
        super().__init__(llm_deployments, model_cards, lora_paths=lora_paths)
        for name, card in ray_llm.model_cards(self).items():
            card.metadata = {**card.metadata, "window": windows[name]}
        self._requests = RequestCounter()
        self._readiness = Readiness(llm_deployments)

    async def health(self) -> Response:
        """GET /health."""
        return await self._readiness.respond()

    async def chat(self, body: ChatBody, request: Request) -> Response:
        """POST /v1/chat/completions."""
        return await self._respond("chat", body, request)

    async def completions(self, body: CompletionBody, request: Request) -> Response:
        """POST /v1/completions."""
        if (await request.json()).get("max_tokens") is None:
            # vLLM's request has filled in OpenAI's 16, as if the client had asked for it.
            body.model_fields_set.discard("max_tokens")
        return await self._respond("completions", body, request)

    async def _respond(self, method: str, body: Body, request: Request) -> Response:
        if body.model is not None and body.model not in ray_llm.model_cards(self):
            # Ray would take ``name:suffix`` for an adapter, and the client's name for a label of its metrics.
            return no_model(404, f"the model {reprlib.repr(body.model)} is not served.")
        request = await self._noted(body, request)
        # Answered here: Ray Serve puts handlers of its own in place of the application's for these two.
        try:
            first, answers, headers = await self._begin(method, body, request)
        except BackPressureError:
            self._requests.count(await ray_llm.served_model(self, body.model), REJECTED)
            return queue_full()
        except DeploymentUnavailableError:
            return engine_error(LOST_REPLICA)
        response = _response(first, answers)
        response.headers.update(headers)
        return response

    async def _noted(self, body: Body, request: Request) -> Request:
        """The request with what its replica cannot know."""
        queued = ray_llm.queued_requests(self, await ray_llm.served_model(self, body.model))
        return Request({**request.scope, "headers": with_note(request.headers.raw, queued)}, request.receive)

    async def _begin(self, method: str, body: Body, request: Request) -> Begun:
        """The answers; BackPressureError if the queue is full, and was a moment ago."""
        for delay in _QUEUE_DELAYS_S:
            with suppress(BackPressureError):
                return await self._answered(method, body, request)
            await asyncio.sleep(delay * random.uniform(0.5, 1.5))
        return await self._answered(method, body, request)

    async def _answered(self, method: str, body: Body, request: Request) -> Begun:
        """The same from the first replica that does not die before its first answer."""
        for delay in _RETRY_DELAYS_S:
            with suppress(*_LOST):
                first, answers, headers = await self._once(method, body, request)
                if not isinstance(first, ErrorResponse) or first.error.code != 503:
                    return first, answers, headers
            await asyncio.sleep(delay)
        return await self._once(method, body, request)

    async def _once(self, method: str, body: Body, request: Request) -> Begun:
        answers = ray_llm.answers(self, method, body, request)
        first, headers = await _first(answers)
        return first, answers, headers


def _response(first: Any, answers: Answers) -> Response:
    if isinstance(first, Denied):
        return denial(first)
    if isinstance(first, ErrorResponse):
        return engine_error(first.error.model_dump())
    if isinstance(first, list):
        return _EventStream(_stream(first, answers), media_type="text/event-stream")
    return JSONResponse(first.model_dump())


async def _first(answers: Answers) -> tuple[Any, Headers]:
    """The first answer; a key with a quota has its headers before it."""
    first = await anext(answers)
    if isinstance(first, Allowance):
        return await anext(answers), first.headers
    return first, {}


class _EventStream(StreamingResponse):
    async def listen_for_disconnect(self, receive: Receive) -> None:
        """Return when the client has gone, which Ray Serve signals by cancelling this task."""
        with suppress(TaskCancelledError):
            await super().listen_for_disconnect(receive)


async def _stream(first: list[str], answers: Answers) -> AsyncGenerator[str, None]:
    """The events of a stream as text; the status is sent by now, so a loss can only be told in the stream."""
    # Left before its end, the replica is told to stop.
    async with aclosing(answers):
        yield "".join(first)
        try:
            async for events in answers:
                yield "".join(events)
        except _LOST:
            yield "".join(ending(LOST_REPLICA))
