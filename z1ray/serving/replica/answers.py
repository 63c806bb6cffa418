"""What an engine answers, as the client gets it: counted, and with errors as OpenAI's API has them."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from z1ray.serving.replica import errors
from z1ray.serving.replica.metrics import RequestMeter
from z1ray.serving.window.accounting import StreamAccounting, annotate
from z1ray.serving.window.transcript import CapBroken, OutputSpec
from z1ray.upstream.ray_llm import ErrorResponse

# Whole responses, or for a stream lists of server-sent events.
Answers = AsyncGenerator[Any, None]


async def accounted(answers: Answers, spec: OutputSpec, meter: RequestMeter, keep_token_ids: bool) -> Answers:
    """Whole responses with their counts."""
    async for answer in answers:
        if isinstance(answer, ErrorResponse):
            meter.error(answer.error.code)
            yield answer
            continue
        try:
            body = annotate(answer.model_dump(), spec, meter, keep_token_ids=keep_token_ids)
        except CapBroken as broken:
            meter.error(500)
            yield error_response(errors.cap_broken(str(broken)))
        else:
            yield type(answer)(**body)


async def accounted_stream(answers: Answers, spec: OutputSpec, meter: RequestMeter, keep_token_ids: bool) -> Answers:
    """The events of a stream with their counts."""
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
                    yield errors.ending(error) if started else error_response(error)
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


def error_response(content: errors.ErrorObject) -> ErrorResponse:
    """An error as Ray's ingress takes it from a replica."""
    return ErrorResponse.model_validate({"error": content})
