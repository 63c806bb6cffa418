"""One replica: Ray's LLM server with the Shifted Thinking Window in front of the engine.

``chat`` and ``completions`` turn the window's fields into the arguments that
``z1ray.engine.processor`` enforces inside vLLM, and join the accounting to what
comes back. Every generated token of the endpoint passes through here.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path
from typing import Any

from ray.serve.llm.deployment import LLMServer

from z1ray.engine.args import hint_watch
from z1ray.engine.tokens import context_length, newline_token_ids, tokenizer
from z1ray.errors import UserError
from z1ray.serving.quota.answers import Denied
from z1ray.serving.replica import errors
from z1ray.serving.replica.answers import Answers, accounted, accounted_stream, error_response
from z1ray.serving.replica.bounding import Arrival, Replica
from z1ray.serving.replica.deployment import BROWNOUT_KEY, QUOTAS_KEY, RUNS_KEY, WINDOW_KEY, RunLimits
from z1ray.serving.replica.metrics import REJECTED, Meter, RequestMeter
from z1ray.serving.replica.priority import lower_priority
from z1ray.serving.replica.quotas import Asking, Quotas, QuotaSettings
from z1ray.serving.replica.requests import Request, beginning, holder, note, num_prompts, set_window
from z1ray.serving.replica.slots import QueueFull, Slots
from z1ray.serving.replica.speed import Speed
from z1ray.serving.window.brownout import BrownOut
from z1ray.serving.window.conversation import read_conversation
from z1ray.serving.window.deadline import DeadlineImpossible
from z1ray.serving.window.hints import hint_token_ids
from z1ray.serving.window.request import (
    Prompts,
    WindowedModel,
    WindowRequest,
    depends_on_prompt,
    limit_field,
    read_request,
)
from z1ray.serving.window.transcript import OutputSpec
from z1ray.upstream import vllm_stops
from z1ray.upstream.ray_llm import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    CompletionRequest,
    CompletionResponse,
    ErrorResponse,
    RawRequestInfo,
    begin_answers,
    config_of,
    prompt_tokens,
    run_on_cpu_in,
    skip_downloads,
)
from z1ray.upstream.vllm import IN_PROCESS_EXECUTOR
from z1ray.upstream.vllm_v1 import EngineDeadError
from z1ray.window import NO_CAP, WindowConfig

Response = ChatCompletionResponse | CompletionResponse | ErrorResponse
Answer = Callable[..., Awaitable[Answers]]

_PROOF_PROMPT = "The quick brown fox"
_PROOF_BUDGET = 2
# Broken streams tell their clients within it.
_EXIT_DELAY_S = 1.0


class CapUnproven(RuntimeError):
    """The engine did not cut its first request at its budget."""


class WindowServer(LLMServer):
    """An ``LLMServer`` that caps thinking and accounts for it."""

    async def start(self) -> None:
        """Start the engine. Ray Serve calls ``reconfigure`` next, and only then is the replica ready."""
        config = config_of(self)
        self._source = str(config.model_loading_config.model_source)  # type: ignore[union-attr]
        self._context = context_length(self._source, config.engine_kwargs.get("max_model_len"))
        self._tools = config.engine_kwargs.get("tool_call_parser") is not None
        self._meter = Meter(config.model_id, self._context)
        self._slots = Slots(num_slots=0, max_waiting=0)
        self._quotas = Quotas(self._context)
        self._speed = Speed(self._slots)
        self._proven = False
        vllm_stops.sleep_until(partial(hint_watch, newline_token_ids(self._source)))
        on_cpu = config.accelerator_config is not None and config.accelerator_config.kind == "cpu"
        if on_cpu and config.engine_kwargs["tensor_parallel_size"] == 1:
            # One process less, whose start costs as much as the engine's.
            run_on_cpu_in(IN_PROCESS_EXECUTOR)
        if Path(self._source).is_dir():
            # A model that is here needs no download, whose process takes as long to start as the engine's.
            skip_downloads(config)
        await super().start()  # type: ignore[no-untyped-call]
        begin_answers(self, beginning)
        if on_cpu:
            lower_priority()

    async def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take the model's window and limits, at first and whenever they change; running requests keep theirs.

        Raises:
            CapUnproven: If the engine, asked the first time, does not enforce a cap; the replica does
                not become healthy.
        """
        window = WindowConfig(**user_config[WINDOW_KEY])
        limits = RunLimits(**user_config[RUNS_KEY])
        hints = hint_token_ids(self._source, window)
        model = WindowedModel(window, hints, self._context, limits.per_request, self._tools)
        self._slots.limit(limits.ongoing, limits.waiting)
        self._replica = Replica(model, BrownOut(**user_config[BROWNOUT_KEY]), self._slots, self._speed)
        if not self._proven:
            await self._prove(1)
            self._speed.forget()  # the first run of an engine is slow
            await self._prove(limits.per_request)
            self._proven = True
        # Only now: the proof is no key's.
        await self._quotas.configure(window, QuotaSettings.from_plain(user_config[QUOTAS_KEY]))

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
        self._meter.show_speed(self._speed.seconds_per_token())
        return await self._meter.stats()

    async def _prove(self, num_runs: int) -> None:
        """Real runs that may not end before their budget: they must be cut there, token for token."""
        most = self._replica.model.config.max_budget
        budget = _PROOF_BUDGET if most == NO_CAP else min(most, _PROOF_BUDGET)
        hint = self._replica.model.hints[self._replica.model.config.default_hint]
        request = CompletionRequest.model_validate(
            {
                "model": config_of(self).model_id,
                "prompt": _PROOF_PROMPT,
                "thinking_budget": budget,
                "n": num_runs,
                "grace": 0,
                "min_tokens": budget,
                # Left out, it would be OpenAI's 16, which may not hold the hint.
                "max_tokens": budget + len(hint) + 1,
            }
        )
        async for answer in await self.completions(request):
            choices = [] if isinstance(answer, ErrorResponse) else answer.model_dump()["choices"]
            if [choice["thinking"]["cut"] for choice in choices] != [True] * num_runs:
                raise CapUnproven(f"thinking budget {budget} was to cut the first run, but the engine says: {answer}")

    async def _windowed(self, answer: Answer, request: Request, raw_request_info: RawRequestInfo | None) -> Answers:
        # An effort may have a name that vLLM does not know: no reason to warn.
        fields = request.model_dump(exclude_unset=True, exclude={"messages", "prompt"}, warnings=False)
        async with AsyncExitStack() as stack:
            try:
                prompts = await self._prompts(request, fields)
                wanted = read_request(fields, self._replica.model, prompts)
                room = prompts.room(self._context)
                asking = Asking(wanted, holder(raw_request_info), read_conversation(fields), room)
                admission = await stack.enter_async_context(self._quotas.admit(asking))
            except UserError as error:
                self._meter.refused()
                yield error_response(errors.refusal(error))
                return
            if admission.told is not None:
                yield admission.told
            if isinstance(admission.told, Denied):
                self._meter.refused(REJECTED)
                return
            arrival = Arrival(admission.wanted, limit_field(fields), prompts, note(raw_request_info), self._replica)
            # Autoscaling sees the budget that no load and no deadline has lowered.
            meter = stack.enter_context(self._meter.request(admission.wanted.window, wanted.num_runs, asking.holder))
            meter.followed_by(admission.written)
            admitted = self._admitted(partial(answer, request, raw_request_info), request, arrival, meter)
            try:
                async with aclosing(admitted) as answers:
                    async for each in answers:
                        yield each
            except QueueFull:
                meter.rejected()
                yield error_response(errors.QUEUE_FULL)
            except DeadlineImpossible as impossible:
                meter.rejected()
                yield error_response(errors.deadline_impossible(impossible))
            except EngineDeadError as dead:
                meter.error(503)
                yield error_response(errors.engine_died(str(dead)))

    async def _admitted(self, answer: Answer, request: Request, arrival: Arrival, meter: RequestMeter) -> Answers:
        """What the engine answers, once it is the request's turn, under the budget that is left to it by then."""
        with (await arrival.turn()).held() as slots:
            meter.each_ended(slots.ended)
            bounded = arrival.bounded(num_more=0)
            meter.goes_on(bounded.window, bounded.lowered_by)
            keep_token_ids = bool(request.return_token_ids)
            set_window(request, bounded, arrival.limit)
            with self._speed.timed(arrival.prompt_tokens) as timing:
                if not arrival.wanted.beginning:  # which the engine does not write
                    meter.followed_by(timing)
                pass_on = accounted_stream if request.stream else accounted
                counted = pass_on(await answer(), self._output_spec(request, bounded), meter, keep_token_ids)
                async with aclosing(counted) as answers:
                    async for each in answers:
                        yield each

    async def _prompts(self, request: Request, fields: dict[str, Any]) -> Prompts:
        field = "messages" if isinstance(request, ChatCompletionRequest) else "prompt"
        # A prompt that is cut to what the limit leaves has no length of its own.
        counts = depends_on_prompt(fields) and fields.get("truncate_prompt_tokens") != -1
        return Prompts(field, num_prompts(request), await prompt_tokens(self, request) if counts else None)

    def _output_spec(self, request: Request, wanted: WindowRequest) -> OutputSpec:
        decode = partial(
            tokenizer(self._source).decode,
            skip_special_tokens=request.skip_special_tokens,
            clean_up_tokenization_spaces=False,
        )
        return OutputSpec(
            wanted.window,
            newline_token_ids(self._source),
            decode,
            wanted.answer_only,
            wanted.constrained,
            wanted.beginning,
            num_prompts(request),
            wanted.bounded_by,
        )
