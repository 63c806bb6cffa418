"""Every model's deployment gets the engine, the window and the environment it was configured with."""

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.serving.app import WINDOW_KEY, build_app, llm_settings
from z1ray.serving.config import ServeConfig
from z1ray.window import WindowConfig

GPU = EngineConfig(tensor_parallel_size=2, replicas=2)
CPU = EngineConfig(device="cpu", dtype="float32", cpu_kv_cache_gib=3)


def config(engine: EngineConfig) -> ServeConfig:
    window = WindowConfig(default_budget=7, hints={"short": "So:"}, default_hint="short")
    return ServeConfig(models={"z1": "folder"}, max_replicas=4, window=window, engine=engine)


@pytest.mark.parametrize("engine", [GPU, CPU])
def test_ray_takes_the_settings(engine: EngineConfig) -> None:
    """``LLMConfig`` checks them only when the application is built, which on a GPU cluster costs money."""
    from ray.serve.llm import LLMConfig

    from z1ray.serving.server import WindowServer

    built = LLMConfig.model_validate(llm_settings("z1", "folder", config(engine), {}))
    assert built.server_cls is WindowServer
    assert built.accelerator_config is not None
    assert built.accelerator_config.kind == engine.device
    assert WindowConfig(**built.experimental_configs[WINDOW_KEY]) == config(engine).window


def test_replicas_bundles_and_environment_follow_the_engine() -> None:
    """A wrong count of bundles waits for a GPU that never comes; a lost job variable sends workers to a hub."""
    on_gpu = llm_settings("z1", "folder", config(GPU), {})
    assert len(on_gpu["placement_group_config"]["bundles"]) == 2
    scaling = on_gpu["deployment_config"]["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (2, 4)
    on_cpu = llm_settings("z1", "folder", config(CPU), {"HF_HUB_OFFLINE": "1"})
    assert on_cpu["runtime_env"]["env_vars"]["HF_HUB_OFFLINE"] == "1"
    assert on_cpu["runtime_env"]["env_vars"]["VLLM_CPU_KVCACHE_SPACE"] == "3"


def test_direct_streaming_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends requests straight to vLLM's own server, which knows nothing of budgets: accepted, not enforced."""
    monkeypatch.setattr("ray.llm._internal.serve.constants.RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING", True)
    with pytest.raises(UserError, match="without their thinking budget"):
        build_app(config(CPU))
