"""The Ray Serve application: one deployment per model behind one OpenAI-compatible ingress."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs, placement
from z1ray.errors import UserError
from z1ray.serving.config import ServeConfig

if TYPE_CHECKING:
    from ray.serve import Application

SERVER = "z1ray.serving.server:WindowServer"
INGRESS = "z1ray.serving.ingress:WindowIngress"
WINDOW_KEY = "window"
"""Where ``LLMConfig.experimental_configs`` carries the model's ``WindowConfig``, as a mapping."""


def build_app(config: ServeConfig) -> "Application":
    """The application for all of ``config.models``; needs a connection to the cluster.

    Raises:
        UserError: If Ray's direct streaming is switched on, which would bypass the cap.
    """
    import ray
    from ray.llm._internal.serve.constants import RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING
    from ray.serve.llm import build_openai_app

    if RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING:
        raise UserError(
            "RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING",
            "1",
            "requests would go to the engine without their thinking budget",
            "unset this environment variable",
        )
    job_env = ray.get_runtime_context().runtime_env.get("env_vars", {})
    models = [llm_settings(name, source, config, job_env) for name, source in config.models.items()]
    return build_openai_app({"llm_configs": models, "ingress_cls_config": {"ingress_cls": INGRESS}})


def llm_settings(name: str, source: str, config: ServeConfig, job_env: dict[str, str]) -> dict[str, Any]:
    """One model's ``ray.serve.llm.LLMConfig``, as plain data.

    Args:
        name: What clients call the model.
        source: Its folder or hub name.
        config: The endpoint's settings.
        job_env: Environment variables of the job, which Ray would drop in favour of the engine's.
    """
    settings: dict[str, Any] = {
        "model_loading_config": {"model_id": name, "model_source": source},
        "server_cls": SERVER,
        "engine_kwargs": engine_kwargs(config.engine),
        "placement_group_config": placement(config.engine),
        "runtime_env": {"env_vars": {**job_env, **engine_env(config.engine)}},
        "deployment_config": {"autoscaling_config": _autoscaling(config.engine, config.max_replicas)},
        # Chunks go out as the engine makes them (ray#59681: they would be held back for 50 ms).
        "experimental_configs": {"stream_batching_interval_ms": 0, WINDOW_KEY: asdict(config.window)},
    }
    if config.engine.device == "cpu":
        settings["accelerator_config"] = {"kind": "cpu"}
    return settings


def _autoscaling(engine: EngineConfig, max_replicas: int) -> dict[str, Any]:
    """Between the engine's replicas and ``max_replicas``, a new one when those are full."""
    return {
        "min_replicas": engine.replicas,
        "initial_replicas": engine.replicas,
        "max_replicas": max_replicas,
        "target_ongoing_requests": engine.max_num_seqs,
    }
