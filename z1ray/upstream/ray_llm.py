"""Ray Serve LLM: what z1ray uses of ``ray.llm._internal``. Checked with Ray 2.60.

The request and response types are those that Ray's own ingress and engine make and look for; the
public classes of the same names (``ray.serve.llm.openai_api_models``) are subclasses that it never makes.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, get_args

from ray.llm._internal.serve import constants
from ray.llm._internal.serve.core.configs.openai_api_models import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    CompletionRequest,
    CompletionResponse,
    ErrorResponse,
    ModelCard,
    OpenAIHTTPException,
    to_model_metadata,
)
from ray.llm._internal.serve.core.ingress.middleware import SetRequestIdMiddleware
from ray.llm._internal.serve.core.ingress.utils import _sanitize_chat_completion_request
from ray.llm._internal.serve.core.protocol import RawRequestInfo
from ray.llm._internal.serve.engines.vllm import vllm_models
from ray.llm._internal.serve.observability.metrics.fast_api_metrics import (
    add_http_metrics_middleware,
    metrics_lifespan,
)

if TYPE_CHECKING:
    from fastapi import FastAPI
    from ray.llm._internal.serve.core.configs.llm_config import LLMConfig
    from ray.serve.llm.deployment import LLMServer
    from ray.serve.llm.ingress import OpenAiIngress

__all__ = [
    "ChatCompletionRequest",
    "ChatCompletionResponse",
    "CompletionRequest",
    "CompletionResponse",
    "ErrorResponse",
    "ModelCard",
    "OpenAIHTTPException",
    "RawRequestInfo",
    "metrics_lifespan",
]


KNOWN_EFFORTS: frozenset[str | None] = frozenset(
    value
    for part in get_args(ChatCompletionRequest.model_fields["reasoning_effort"].annotation)
    for value in get_args(part)
)
"""The efforts that vLLM's chats know."""


def streams_directly() -> bool:
    """True if ``RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING`` is set: requests then go past Ray's ``LLMServer``."""
    return bool(constants.RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING)


def model_card(name: str, config: "LLMConfig") -> ModelCard:
    """What ``/v1/models`` says of a model (``to_model_metadata``)."""
    return to_model_metadata(name, config)


def add_metrics(app: "FastAPI") -> None:
    """Have Ray measure the HTTP requests of an application, as its own ingress does."""
    add_http_metrics_middleware(app)  # type: ignore[no-untyped-call]


def add_request_ids(app: "FastAPI") -> None:
    """Give every request an id, the client's own if it sends ``x-request-id``, which logs and answers then carry."""
    app.add_middleware(SetRequestIdMiddleware)


def checked_messages(request: ChatCompletionRequest) -> ChatCompletionRequest:
    """The request with its message parts read, which pydantic otherwise puts off until they are used.

    Relies on ``_sanitize_chat_completion_request``, which Ray calls again before it sends the request on.

    Raises:
        ValueError, TypeError: For a part that is malformed.
    """
    return _sanitize_chat_completion_request(request)


def model_cards(ingress: "OpenAiIngress") -> dict[str, ModelCard]:
    """The cards of an ingress by model name (its ``_model_cards``), to change."""
    cards: dict[str, ModelCard] = ingress._model_cards
    return cards


async def served_model(ingress: "OpenAiIngress", model: str | None) -> str:
    """The name of the served model that a request means (``_get_model_id``); HTTPException if there is none."""
    return str(await ingress._get_model_id(model))


def queued_requests(ingress: "OpenAiIngress", model: str) -> int:
    """Requests for a served model that wait in this ingress for a replica to take them.

    Relies on ``_get_configured_serve_handle``, whose handle the requests go through, and on ``_router`` of it, which
    has an ``_asyncio_router`` with ``_metrics_manager.num_queued_requests``; there is none before the first request.
    """
    router: Any = ingress._get_configured_serve_handle(model)._router
    return 0 if router is None else int(router._asyncio_router._metrics_manager.num_queued_requests)


def answers(ingress: "OpenAiIngress", method: str, body: Any, request: Any) -> Any:
    """What a model's deployment answers, as an asynchronous generator (``_get_response``)."""
    return ingress._get_response(body=body, call_method=method, raw_request=request)


def config_of(server: "LLMServer") -> "LLMConfig":
    """The configuration that a server was made with (its ``_llm_config``)."""
    config: LLMConfig = server._llm_config
    return config


async def prompt_tokens(server: "LLMServer", request: ChatCompletionRequest | CompletionRequest) -> int | None:
    """The tokens of a request's longest prompt, as vLLM makes them of its messages or its text.

    Relies on the engine's ``_oai_serving_chat`` and ``_oai_serving_completion``, vLLM's own handlers, and on
    their ``online_renderer``.

    Returns:
        The model's whole context for a prompt that is over it, whose tokens vLLM does not count; None if vLLM
        will refuse the request for another reason.
    """
    from vllm.exceptions import VLLMClientError

    unlimited = request.model_copy(update={"max_tokens": None, "max_completion_tokens": None})
    chat = isinstance(request, ChatCompletionRequest)
    handler: Any = getattr(server.engine, "_oai_serving_chat" if chat else "_oai_serving_completion")
    render = handler.online_renderer.render_chat if chat else handler.online_renderer.render_completion
    try:
        rendered = await render(unlimited, skip_mm_cache=True)
    except (ValueError, VLLMClientError) as error:
        too_long = getattr(error, "parameter", None) in ("input_text", "input_tokens")
        return int(handler.model_config.max_model_len) if too_long else None
    return max((len(each["prompt_token_ids"]) for each in _engine_inputs(rendered)), default=None)


def run_on_cpu_in(executor: str) -> None:
    """Have the engines on a CPU that this process starts from now on run their workers in that executor of vLLM.

    Ray insists on ``mp``, which makes even the only worker a process of its own; relies on ``EXECUTOR_BACKEND_MP``.
    """
    vllm_models.EXECUTOR_BACKEND_MP = executor


def skip_downloads(config: "LLMConfig") -> None:
    """Have this process start an engine of that configuration without a task on each node that downloads its model.

    Relies on ``get_or_create_callback``, and on ``run_init_node`` of the context of what it makes.
    """
    callback: Any = config.get_or_create_callback()
    callback.ctx.run_init_node = False


def begin_answers(server: "LLMServer", beginning: Callable[[Any], Sequence[int]]) -> None:
    """From now on, give a started server's engine the first tokens of its answers, as the end of their prompts.

    Relies on the engine's ``_oai_serving_chat`` and ``_oai_serving_completion``, vLLM's own handlers, and on
    their ``render_chat_request`` and ``render_completion_request``, whose inputs go to the engine.

    Args:
        server: Its answers do not hold these tokens: they are as vLLM makes them of what the engine writes.
        beginning: From a request to the tokens, none for most.
    """
    engine: Any = server.engine
    for handler, name in (
        (engine._oai_serving_chat, "render_chat_request"),
        (engine._oai_serving_completion, "render_completion_request"),
    ):
        setattr(handler, name, _continued(getattr(handler, name), beginning))


def _continued(
    render: Callable[[Any], Awaitable[Any]], beginning: Callable[[Any], Sequence[int]]
) -> Callable[[Any], Awaitable[Any]]:
    async def continued(request: Any) -> Any:
        rendered, tokens = await render(request), beginning(request)
        for each in _engine_inputs(rendered) if tokens else ():
            each["prompt_token_ids"] = [*each["prompt_token_ids"], *tokens]
        return rendered

    return continued


def _engine_inputs(rendered: Any) -> list[Any]:
    """What the engine gets of each prompt. A chat comes with its conversation; an error response has none."""
    inputs = rendered[1] if isinstance(rendered, tuple) else rendered
    return inputs if isinstance(inputs, list) else []
