"""One replica: Ray's LLM server with the Shifted Thinking Window in front of the engine.

``chat`` and ``completions`` turn the window's fields into the arguments that
``z1ray.engine.processor`` enforces inside vLLM, and join the accounting to what
comes back. Every generated token of the endpoint passes through here.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any

import psutil
from ray.serve.llm.deployment import LLMServer

from z1ray.engine.args import extra_args
from z1ray.engine.tokens import context_length, newline_token_ids, text_token_ids, tokenizer
from z1ray.errors import UserError
from z1ray.serving.replica import errors
from z1ray.serving.replica.deployment import WINDOW_KEY
from z1ray.serving.replica.metrics import Meter, RequestMeter
from z1ray.serving.window.accounting import StreamAccounting, annotate
from z1ray.serving.window.request import WindowedModel, WindowRequest, limit_field, read_request
from z1ray.serving.window.transcript import CapBroken, OutputSpec
from z1ray.upstream.ray_llm import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    CompletionRequest,
    CompletionResponse,
    ErrorResponse,
    RawRequestInfo,
    config_of,
)
from z1ray.upstream.vllm_v1 import EngineDeadError
from z1ray.window import NO_CAP, WindowConfig

Request = ChatCompletionRequest | CompletionRequest
Response = ChatCompletionResponse | CompletionResponse | ErrorResponse
# Whole responses, or for a stream lists of server-sent events.
Answers = AsyncGenerator[Any, None]
Answer = Callable[..., Awaitable[Answers]]

_PROOF_PROMPT = "The quick brown fox"
_PROOF_BUDGET = 2
_LEAST_PRIORITY = 19
# Broken streams tell their clients within it.
_EXIT_DELAY_S = 1.0


class CapUnproven(RuntimeError):
    """The engine did not cut its first request at its budget."""


class WindowServer(LLMServer):
    """An ``LLMServer`` that caps thinking and accounts for it."""

    async def start(self) -> None:
        """Tokenize the model's hints, start the engine, and have it prove that it enforces a cap.

        Raises:
            CapUnproven: If it does not; the replica does not become healthy.
        """
        config = config_of(self)
        window = WindowConfig(**config.experimental_configs[WINDOW_KEY])
        self._source = str(config.model_loading_config.model_source)  # type: ignore[union-attr]
        hints = {name: text_token_ids(self._source, text) for name, text in window.hints.items()}
        context = context_length(self._source, config.engine_kwargs.get("max_model_len"))
        self._model = WindowedModel(window, hints, context)
        self._meter = Meter(config.model_id, context)
        await super().start()  # type: ignore[no-untyped-call]
        accelerator = config.accelerator_config
        if accelerator is not None and accelerator.kind == "cpu":
            _lower_priority()
        await self._prove()

    async def chat(self, request: ChatCompletionRequest, raw_request_info: RawRequestInfo | None = None) -> Answers:
        """Answer a chat under its window."""
        return self._windowed(super().chat, request, raw_request_info)

    async def completions(self, request: CompletionRequest, raw_request_info: RawRequestInfo | None = None) -> Answers:
        """Complete a prompt under its window."""
        return self._windowed(super().completions, request, raw_request_info)

    async def check_health(self) -> None:
        """Called by Ray Serve every few seconds; a replica whose engine died exits at once.

        Serve replaces it after three failed checks, and until then would send it requests, the
        more the faster they fail.
        """
        try:
            await super().check_health()
        except EngineDeadError:
            asyncio.get_running_loop().call_later(_EXIT_DELAY_S, os._exit, 1)
            raise

    async def record_autoscaling_stats(self) -> dict[str, float]:
        """Report the replica's load to the autoscaling policy; Ray Serve calls it."""
        return await self._meter.stats()

    async def _prove(self) -> None:
        """One real run that may not end before its budget: it must be cut there, token for token."""
        most = self._model.config.max_budget
        budget = _PROOF_BUDGET if most == NO_CAP else min(most, _PROOF_BUDGET)
        hint = self._model.hints[self._model.config.default_hint]
        request = CompletionRequest.model_validate(
            {
                "model": config_of(self).model_id,
                "prompt": _PROOF_PROMPT,
                "thinking_budget": budget,
                "grace": 0,
                "min_tokens": budget,
                # Left out, it would be OpenAI's 16, which may not hold the hint.
                "max_tokens": budget + len(hint) + 1,
            }
        )
        async for answer in await self.completions(request):
            thinking = {} if isinstance(answer, ErrorResponse) else answer.model_dump()["choices"][0]["thinking"]
            if not thinking.get("cut"):
                raise CapUnproven(f"thinking budget {budget} was to cut the first run, but the engine says: {answer}")

    async def _windowed(self, answer: Answer, request: Request, raw_request_info: RawRequestInfo | None) -> Answers:
        fields = request.model_dump(exclude_unset=True, exclude={"messages", "prompt"})
        try:
            wanted = read_request(fields, self._model)
        except UserError as error:
            self._meter.refused()
            yield _error(errors.refusal(error))
            return
        keep_token_ids = bool(request.return_token_ids)
        _set_window(request, wanted, limit_field(fields))
        with self._meter.request(wanted.window, wanted.num_choices * _num_prompts(request)) as meter:
            try:
                answers = await answer(request, raw_request_info)
                pass_on = _accounted_stream if request.stream else _accounted
                async with aclosing(
                    pass_on(answers, self._output_spec(request, wanted), meter, keep_token_ids)
                ) as accounted:
                    async for accounted_answer in accounted:
                        yield accounted_answer
            except EngineDeadError as dead:
                meter.error(503)
                yield _error(errors.engine_died(str(dead)))

    def _output_spec(self, request: Request, wanted: WindowRequest) -> OutputSpec:
        decode = partial(
            tokenizer(self._source).decode,
            skip_special_tokens=request.skip_special_tokens,
            clean_up_tokenization_spaces=False,
        )
        return OutputSpec(wanted.window, newline_token_ids(self._source), decode, wanted.answer_only)


def _lower_priority() -> None:
    """Give the engine's threads the lowest priority: on a CPU they take every core, which HTTP needs too."""
    for process in psutil.Process().children(recursive=True):
        for thread in process.threads():
            os.setpriority(os.PRIO_PROCESS, thread.id, _LEAST_PRIORITY)


def _set_window(request: Request, wanted: WindowRequest, limit: str) -> None:
    """Write a window into the request that the engine gets."""
    if args := extra_args(wanted.window):
        request.vllm_xargs = {**(request.vllm_xargs or {}), **args}
    if (most := wanted.window.max_tokens) is not None:
        # All that vLLM's completions know; its chat prefers the other name.
        request.max_tokens = most
        setattr(request, limit, most)
    # The accounting counts tokens, and text does not say how many there were.
    request.return_token_ids = True


def _num_prompts(request: Request) -> int:
    prompt: Sequence[Any] | None = getattr(request, "prompt", None)
    return len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1


async def _accounted(answers: Answers, spec: OutputSpec, meter: RequestMeter, keep_token_ids: bool) -> Answers:
    async for answer in answers:
        if isinstance(answer, ErrorResponse):
            meter.error(answer.error.code)
            yield answer
            continue
        try:
            body = annotate(answer.model_dump(), spec, meter, keep_token_ids=keep_token_ids)
        except CapBroken as broken:
            meter.error(500)
            yield _error(errors.cap_broken(str(broken)))
        else:
            yield type(answer)(**body)


async def _accounted_stream(answers: Answers, spec: OutputSpec, meter: RequestMeter, keep_token_ids: bool) -> Answers:
    accounting = StreamAccounting(spec, meter, keep_token_ids=keep_token_ids)
    started = False
    # Closing the engine's stream on the way out makes it stop generating.
    async with aclosing(answers):
        try:
            async for batch in answers:
                error = next(filter(None, map(_error_in, batch)), None)
                if error is not None:
                    meter.error(error["code"])
                    # Before the first chunk the client can still get a status of its own.
                    yield errors.ending(error) if started else _error(error)
                    return
                yield [accounting.event(event) for event in batch]
                started = True
        except CapBroken as broken:
            meter.error(500)
            yield errors.ending(errors.cap_broken(str(broken)))


def _error_in(item: ErrorResponse | str) -> errors.ErrorObject | None:
    """The error that vLLM sends as an event of its stream, or Ray as an object."""
    if isinstance(item, ErrorResponse):
        return errors.client_error(item.error.model_dump())
    return errors.in_event(item)


def _error(content: errors.ErrorObject) -> ErrorResponse:
    return ErrorResponse.model_validate({"error": content})
