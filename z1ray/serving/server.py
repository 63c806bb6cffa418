"""One replica: Ray's LLM server with the Shifted Thinking Window in front of the engine.

``chat`` and ``completions`` turn ``thinking_budget`` and ``hint`` into the
arguments that ``z1ray.engine.processor`` enforces inside vLLM, and join the
accounting to what comes back. Every generated token of the endpoint passes here.
"""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from ray.llm._internal.serve.core.configs.llm_config import ModelLoadingConfig
from ray.llm._internal.serve.core.configs.openai_api_models import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    CompletionRequest,
    CompletionResponse,
    ErrorResponse,
)
from ray.llm._internal.serve.core.protocol import RawRequestInfo
from ray.serve.llm.deployment import LLMServer

from z1ray.engine.args import extra_args
from z1ray.engine.tokens import context_length, text_token_ids
from z1ray.errors import UserError
from z1ray.serving.accounting import CapBroken, StreamAccounting, annotate, server_sent_event
from z1ray.serving.app import WINDOW_KEY
from z1ray.serving.request import (
    CHAT_FIELDS,
    COMPLETION_FIELDS,
    WINDOW_FIELDS,
    WindowModel,
    limit_field,
    refusal,
    window_of,
)
from z1ray.window import Window, WindowConfig

Request = ChatCompletionRequest | CompletionRequest
Response = ChatCompletionResponse | CompletionResponse | ErrorResponse
# Whole responses, or for a stream lists of server-sent events.
Answers = AsyncGenerator[Any, None]

_log = logging.getLogger(__name__)


class WindowServer(LLMServer):
    """An ``LLMServer`` that caps thinking and accounts for it."""

    async def start(self) -> None:
        """Tokenize the model's hints, then start the engine."""
        window = WindowConfig(**self._llm_config.experimental_configs[WINDOW_KEY])
        loading = self._llm_config.model_loading_config
        assert isinstance(loading, ModelLoadingConfig)
        source = str(loading.model_source)
        hints = {name: text_token_ids(source, text) for name, text in window.hints.items()}
        context = context_length(source, self._llm_config.engine_kwargs.get("max_model_len"))
        self._window_model = WindowModel(window, hints, context)
        await super().start()  # type: ignore[no-untyped-call]

    async def chat(self, request: ChatCompletionRequest, raw_request_info: RawRequestInfo | None = None) -> Answers:
        """Answer a chat under its window."""
        return await self._windowed(super().chat, CHAT_FIELDS, request, raw_request_info)

    async def completions(self, request: CompletionRequest, raw_request_info: RawRequestInfo | None = None) -> Answers:
        """Complete a prompt under its window."""
        return await self._windowed(super().completions, COMPLETION_FIELDS, request, raw_request_info)

    async def _windowed(
        self,
        answer: Callable[..., Awaitable[Answers]],
        names: tuple[str, ...],
        request: Request,
        raw_request_info: RawRequestInfo | None,
    ) -> Answers:
        fields = _sent(request, names)
        try:
            window = window_of(fields, self._window_model)
        except UserError as error:
            return _once(_error(refusal(error)))
        keep_token_ids = bool(request.return_token_ids)
        _carry(request, window, limit_field(fields))
        answers = await answer(request, raw_request_info)
        if request.stream:
            return _accounted_stream(answers, StreamAccounting(window, keep_token_ids=keep_token_ids))
        return _accounted(answers, window, keep_token_ids)


def _sent(request: Request, names: tuple[str, ...]) -> dict[str, Any]:
    """What the client set itself among ``names`` and the window's own fields."""
    extra = request.model_extra or {}
    ours = {name: extra[name] for name in WINDOW_FIELDS if name in extra}
    return request.model_dump(include=set(names), exclude_unset=True) | ours


def _carry(request: Request, window: Window, limit: str) -> None:
    """Write a window into the request the engine gets."""
    if args := extra_args(window):
        request.vllm_xargs = {**(request.vllm_xargs or {}), **args}
    if window.max_tokens is not None:
        setattr(request, limit, window.max_tokens)
    # The accounting counts tokens, and text does not say how many there were.
    request.return_token_ids = True


async def _once(response: Response) -> Answers:
    yield response


async def _accounted(answers: Answers, window: Window, keep_token_ids: bool) -> Answers:
    async for answer in answers:
        if isinstance(answer, ErrorResponse):
            yield answer
            continue
        try:
            body = annotate(answer.model_dump(), window, keep_token_ids=keep_token_ids)
        except CapBroken as broken:
            yield _error(_failure(broken))
        else:
            yield type(answer)(**body)


async def _accounted_stream(answers: Answers, accounting: StreamAccounting) -> Answers:
    # Closing the engine's stream on the way out makes it stop generating.
    async with aclosing(answers):
        try:
            async for batch in answers:
                yield [item if isinstance(item, ErrorResponse) else accounting.event(item) for item in batch]
        except CapBroken as broken:
            yield [server_sent_event({"error": _failure(broken)}), "data: [DONE]\n\n"]


def _error(content: dict[str, Any]) -> ErrorResponse:
    return ErrorResponse.model_validate({"error": content})


def _failure(broken: CapBroken) -> dict[str, Any]:
    _log.error("%s", broken)
    return {"message": str(broken), "type": "server_error", "param": "thinking_budget", "code": 500}
