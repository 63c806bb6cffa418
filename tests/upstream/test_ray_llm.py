"""Ray Serve LLM still has what z1ray uses of its internals, in the shape it expects."""

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel


def parameters(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


def attributes_set(cls: type) -> set[str]:
    """What the methods of a class and of its bases in Ray assign on ``self``."""
    bases = [base for base in cls.__mro__ if base.__module__.startswith("ray.")]
    nodes = [node for base in bases for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(base))))]
    return {node.attr for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}


def test_the_ingress_dispatches_as_ours_overrides_it() -> None:
    """The dispatch asks it for a model's name and its answers, and adds the window to its cards."""
    from ray.serve.llm.ingress import OpenAiIngress

    assert {"body", "call_method", "raw_request"} <= set(parameters(OpenAiIngress._get_response))
    assert inspect.isasyncgenfunction(OpenAiIngress._get_response)
    assert parameters(OpenAiIngress._get_model_id) == ["self", "model"]
    assert inspect.iscoroutinefunction(OpenAiIngress._get_model_id)
    assert "_model_cards" in attributes_set(OpenAiIngress)
    assert {"llm_deployments", "model_cards", "lora_paths"} <= set(parameters(OpenAiIngress.__init__))


def test_the_server_is_started_and_asked_as_ours_overrides_it() -> None:
    """A method of another name would leave requests without a window, or the engine without its proof."""
    from ray.serve.llm.deployment import LLMServer

    for method in (LLMServer.chat, LLMServer.completions):
        assert parameters(method) == ["self", "request", "raw_request_info"]
        assert inspect.iscoroutinefunction(method)
    assert inspect.iscoroutinefunction(LLMServer.start)
    assert inspect.iscoroutinefunction(LLMServer.check_health)
    assert "_llm_config" in attributes_set(LLMServer)


def test_an_llm_config_has_the_fields_that_replicas_read() -> None:
    """The window travels in one of them."""
    from ray.serve.llm import LLMConfig

    wanted = {"model_loading_config", "experimental_configs", "engine_kwargs", "accelerator_config", "server_cls"}
    assert wanted <= set(LLMConfig.model_fields)
    assert isinstance(LLMConfig.model_id, property)


@pytest.mark.parametrize("name", ["ChatCompletionRequest", "CompletionRequest"])
def test_requests_keep_fields_they_do_not_know(name: str) -> None:
    """The fields of the window arrive among them; a model that dropped them would drop the budget."""
    from z1ray.upstream import ray_llm

    model: type[BaseModel] = getattr(ray_llm, name)
    assert model.model_config.get("extra") == "allow"
    assert {"vllm_xargs", "return_token_ids", "max_tokens", "skip_special_tokens", "n"} <= set(model.model_fields)


def test_an_error_and_a_card_have_openais_fields() -> None:
    """Errors of replicas and cards of models are made and read by them."""
    from z1ray.upstream.ray_llm import ErrorResponse, ModelCard

    error = ErrorResponse.model_validate({"error": {"message": "m", "type": "t", "param": None, "code": 503}})
    assert error.error.model_dump().items() >= {"message": "m", "type": "t", "param": None, "code": 503}.items()
    assert "metadata" in ModelCard.model_fields


def test_an_http_exception_tells_status_and_message() -> None:
    """The handler of unknown models reads both."""
    from z1ray.upstream.ray_llm import OpenAIHTTPException

    raised = OpenAIHTTPException(message="no such model", status_code=404)
    assert (raised.status_code, raised.message) == (404, "no such model")


def test_the_application_takes_rays_middleware() -> None:
    """Ids of requests, and Ray's measures of them."""
    from fastapi import FastAPI

    from z1ray.upstream import ray_llm

    app = FastAPI(lifespan=ray_llm.metrics_lifespan)
    ray_llm.add_metrics(app)
    ray_llm.add_request_ids(app)
    assert app.user_middleware[0].cls.__name__ == "SetRequestIdMiddleware"  # type: ignore[attr-defined]


def test_messages_are_read_at_once() -> None:
    """A malformed part that is found only in the replica would be the server's error, not the client's."""
    from z1ray.upstream.ray_llm import ChatCompletionRequest, checked_messages

    message: dict[str, Any] = {"role": "user", "content": [{"type": "text", "text": "hi"}]}
    request = ChatCompletionRequest.model_validate({"model": "m", "messages": [message]})
    assert checked_messages(request).messages[0]["content"] == [{"type": "text", "text": "hi"}]


def test_direct_streaming_is_off_unless_it_is_asked_for() -> None:
    """It would bypass the window."""
    from z1ray.upstream.ray_llm import streams_directly

    assert streams_directly() is False
