"""Ray Serve LLM still has what z1ray uses of its internals, in the shape it expects."""

import ast
import asyncio
import inspect
import textwrap
from collections.abc import Callable
from types import SimpleNamespace
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
    assert parameters(OpenAiIngress._get_configured_serve_handle) == ["self", "model_id"]
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


def test_chats_have_a_list_of_efforts() -> None:
    """Others never reach the engine; an empty list would keep all from it, and from the model's template."""
    from z1ray.upstream.ray_llm import KNOWN_EFFORTS

    assert {"none", "low", "medium", "high"} <= KNOWN_EFFORTS


def test_an_engine_on_a_cpu_takes_another_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray says ``mp`` whatever it is given; a constant of another name would leave a process more per engine."""
    from ray.llm._internal.serve.engines.vllm import vllm_models
    from ray.serve.llm import LLMConfig

    from z1ray.upstream.ray_llm import run_on_cpu_in

    monkeypatch.setattr(vllm_models, "EXECUTOR_BACKEND_MP", vllm_models.EXECUTOR_BACKEND_MP)  # put back afterwards
    run_on_cpu_in("some.executor")
    model = {"model_id": "m", "model_source": "folder"}
    config = LLMConfig.model_validate({"model_loading_config": model, "accelerator_config": {"kind": "cpu"}})
    engine: Any = config.get_engine_config()
    assert engine.get_initialization_kwargs()["distributed_executor_backend"] == "some.executor"


def test_the_download_of_a_model_can_be_skipped() -> None:
    """A name that the engine's start does not look at would leave a process more per engine."""
    from ray.llm._internal.common.callbacks.base import CallbackCtx
    from ray.llm._internal.serve.engines.vllm.vllm_engine import VLLMEngine
    from ray.serve.llm import LLMConfig

    assert CallbackCtx().run_init_node
    assert "callback.ctx.run_init_node" in inspect.getsource(VLLMEngine.start)
    assert "_callback_instance" in inspect.getsource(LLMConfig.get_or_create_callback)


def test_vllm_renders_prompts_where_they_are_counted() -> None:
    """A prompt that is not counted would leave a default budget that does not fit."""
    from ray.llm._internal.serve.engines.vllm.vllm_engine import VLLMEngine
    from vllm.renderers.online_renderer import OnlineRenderer

    assert {"_oai_serving_chat", "_oai_serving_completion"} <= attributes_set(VLLMEngine)
    for method in (OnlineRenderer.render_chat, OnlineRenderer.render_completion):
        assert {"request", "skip_mm_cache"} <= set(parameters(method))
        assert inspect.iscoroutinefunction(method)


def test_tokens_join_the_prompts_that_the_engine_gets() -> None:
    """Were the engine given other inputs, an answer would claim a hint that its model has never seen."""
    from vllm.entrypoints.openai.chat_completion.serving import OpenAIServingChat
    from vllm.entrypoints.openai.completion.serving import OpenAIServingCompletion

    from z1ray.upstream.ray_llm import begin_answers

    chat, completion = OpenAIServingChat.render_chat_request, OpenAIServingCompletion.render_completion_request
    assert parameters(chat) == parameters(completion) == ["self", "request"]
    assert "self.render_chat_request(request)" in inspect.getsource(OpenAIServingChat._create_chat_completion)
    source = inspect.getsource(OpenAIServingCompletion._create_completion)
    assert "self.render_completion_request(request)" in source

    async def render(request: Any) -> Any:
        inputs = [{"prompt_token_ids": [1]}, {"prompt_token_ids": [2, 3]}]
        return {"chat": ("conversation", inputs), "prompts": inputs}.get(request, "an error")

    handlers = SimpleNamespace(render_chat_request=render, render_completion_request=render)
    engine = SimpleNamespace(_oai_serving_chat=handlers, _oai_serving_completion=SimpleNamespace(**vars(handlers)))
    server: Any = SimpleNamespace(engine=engine)
    begin_answers(server, lambda request: () if request == "plain" else (7, 8))
    expected = [{"prompt_token_ids": [1, 7, 8]}, {"prompt_token_ids": [2, 3, 7, 8]}]
    assert asyncio.run(engine._oai_serving_chat.render_chat_request("chat")) == ("conversation", expected)
    assert asyncio.run(engine._oai_serving_completion.render_completion_request("prompts")) == expected
    assert asyncio.run(engine._oai_serving_chat.render_chat_request("plain")) == "an error"
    assert asyncio.run(engine._oai_serving_chat.render_chat_request("refused")) == "an error"


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
