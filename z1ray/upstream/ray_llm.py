"""Ray Serve LLM: what z1ray uses of ``ray.llm._internal``. Checked with Ray 2.60.

The request and response types are those that Ray's own ingress and engine make and look for; the
public classes of the same names (``ray.serve.llm.openai_api_models``) are subclasses that it never makes.
"""

from typing import TYPE_CHECKING, Any

from ray.llm._internal.serve import constants
from ray.llm._internal.serve.core.configs.openai_api_models import (
    ChatCompletionRequest,
    ChatCompletionResponse,
    CompletionRequest,
    CompletionResponse,
    ErrorResponse,
    ModelCard,
    ModelList,
    OpenAIHTTPException,
    to_model_metadata,
)
from ray.llm._internal.serve.core.ingress.middleware import SetRequestIdMiddleware
from ray.llm._internal.serve.core.ingress.utils import _sanitize_chat_completion_request
from ray.llm._internal.serve.core.protocol import RawRequestInfo
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
    "ModelList",
    "OpenAIHTTPException",
    "RawRequestInfo",
    "metrics_lifespan",
]


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


def answers(ingress: "OpenAiIngress", method: str, body: Any, request: Any) -> Any:
    """What a model's deployment answers, as an asynchronous generator (``_get_response``)."""
    return ingress._get_response(body=body, call_method=method, raw_request=request)


def config_of(server: "LLMServer") -> "LLMConfig":
    """The configuration that a server was made with (its ``_llm_config``)."""
    config: LLMConfig = server._llm_config
    return config
