"""One model's deployment: its engine, its window and how Ray Serve runs its replicas, as plain data."""

from dataclasses import asdict, dataclass
from typing import Any

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs, placement
from z1ray.engine.tokens import context_length
from z1ray.serving.config import ServeConfig
from z1ray.serving.replica.quotas import QuotaSettings
from z1ray.serving.window.brownout import BrownOut
from z1ray.window import NO_CAP

SERVER = "z1ray.serving.replica.server:WindowServer"
POLICY = "z1ray.serving.replica.autoscaling:PendingTokensPolicy"
WINDOW_KEY = "window"
"""Where a deployment's ``user_config`` has the model's ``WindowConfig``, as a mapping."""
QUOTAS_KEY = "quotas"
"""Where it has the endpoint's ``QuotaSettings``, as a mapping."""
RUNS_KEY = "runs"
"""Where it has how many runs a request may have, the engine is given, and may wait: ``RunLimits``, as a mapping."""
BROWNOUT_KEY = "brownout"
"""Where it has how budgets shrink under load: ``BrownOut``, as a mapping."""

# How soon a replica notices that its engine died, and leaves.
_HEALTH_CHECK_PERIOD_S = 2.0
_HEALTH_CHECK_TIMEOUT_S = 30.0


def llm_settings(name: str, source: str, config: ServeConfig, job_env: dict[str, str]) -> dict[str, Any]:
    """One model's ``ray.serve.llm.LLMConfig``, as plain data.

    Args:
        name: What clients call the model.
        source: Its folder or hub name.
        config: The endpoint's settings.
        job_env: Environment variables of the job, which Ray would drop in favour of the engine's.
    """
    engine = config.engine_of(name)
    settings: dict[str, Any] = {
        "model_loading_config": {"model_id": name, "model_source": source},
        "server_cls": SERVER,
        "engine_kwargs": {
            **engine_kwargs(engine, windows=True),
            "stream_interval": config.stream_interval,
            **_tool_kwargs(engine),
        },
        "placement_group_config": placement(engine),
        "runtime_env": {"env_vars": {**job_env, **engine_env(engine)}},
        "deployment_config": _deployment(config, name),
        # Chunks go out as the engine makes them (ray#59681: they would be held back for 50 ms).
        "experimental_configs": {"stream_batching_interval_ms": 0},
    }
    if engine.device == "cpu":
        settings["accelerator_config"] = {"kind": "cpu"}
    return settings


def _tool_kwargs(engine: EngineConfig) -> dict[str, Any]:
    """Arguments of vLLM's server that have it read tool calls."""
    if engine.tool_parser is None:
        return {}
    return {"enable_auto_tool_choice": True, "tool_call_parser": engine.tool_parser}


@dataclass(frozen=True, slots=True)
class RunLimits:
    """Runs, which is sequences, in a replica.

    Attributes:
        per_request: Most of one request.
        ongoing: Those that the engine is given.
        waiting: Most that wait for it.
    """

    per_request: int
    ongoing: int
    waiting: int


def _run_limits(config: ServeConfig, model: str) -> RunLimits:
    engine = config.engine_of(model)
    per_request = config.max_runs_per_request or engine.max_num_seqs
    return RunLimits(per_request, _max_ongoing(engine), max(per_request, config.max_queued_requests))


def _brown_out(config: ServeConfig) -> BrownOut:
    return BrownOut(config.brownout_from, config.brownout_floor, config.brownout_asked, config.max_queued_requests)


def _deployment(config: ServeConfig, model: str) -> dict[str, Any]:
    """How Ray Serve runs a model's replicas: what it can change while their engines go on."""
    return {
        "user_config": {
            WINDOW_KEY: asdict(config.window_of(model)),
            RUNS_KEY: asdict(_run_limits(config, model)),
            QUOTAS_KEY: QuotaSettings(config.quota_store, config.quotas).plain(),
            BROWNOUT_KEY: asdict(_brown_out(config)),
        },
        "max_ongoing_requests": _max_ongoing(config.engine_of(model)),
        "max_queued_requests": config.max_queued_requests,
        "graceful_shutdown_timeout_s": config.drain_timeout_s,
        "max_surge_percent": config.surge_percent,
        "health_check_period_s": _HEALTH_CHECK_PERIOD_S,
        "health_check_timeout_s": _HEALTH_CHECK_TIMEOUT_S,
        "autoscaling_config": _autoscaling(config, model),
    }


def _max_ongoing(engine: EngineConfig) -> int:
    """A few requests beyond a full batch, so that the engine always has the next one at hand.

    The rest waits where it can be counted and refused.
    """
    return engine.max_num_seqs + max(4, engine.max_num_seqs // 4)


def _autoscaling(config: ServeConfig, model: str) -> dict[str, Any]:
    """Between the engine's replicas and ``max_replicas``, by the tokens that are pending and the slots held."""
    engine = config.engine_of(model)
    usual = _usual_tokens(config, model)
    interval = min(10.0, max(1.0, config.upscale_delay_s / 2))
    policy = {
        "tokens_per_replica": config.pending_tokens_per_replica or engine.max_num_seqs * usual,
        "tokens_per_request": usual,
        "max_num_seqs": engine.max_num_seqs,
        "max_queued_requests": config.max_queued_requests,
    }
    return {
        "min_replicas": engine.replicas,
        "initial_replicas": engine.replicas,
        "max_replicas": config.max_replicas,
        "upscale_delay_s": config.upscale_delay_s,
        "downscale_delay_s": config.downscale_delay_s,
        # Two reports within the delay: Ray's own ten seconds would come on top of it.
        "metrics_interval_s": interval,
        "look_back_period_s": 2 * interval,
        "policy": {"policy_function": POLICY, "policy_kwargs": policy},
    }


def _usual_tokens(config: ServeConfig, model: str) -> int:
    """The most that a request writes that names neither budget nor limit; the hint is left out."""
    window = config.window_of(model)
    if window.default_budget == NO_CAP:
        return context_length(config.models[model], config.engine_of(model).max_model_len)
    return window.default_budget + window.answer_tokens
