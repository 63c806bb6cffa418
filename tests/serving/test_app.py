"""Every model's deployment gets the engine, the window and the environment it was configured with."""

import dataclasses

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import WINDOW_PROCESSOR
from z1ray.errors import UserError
from z1ray.serving.app import build_app, require_keys
from z1ray.serving.config import ServeConfig
from z1ray.serving.replica.deployment import BROWNOUT_KEY, WINDOW_KEY, llm_settings
from z1ray.serving.window.brownout import BrownOut
from z1ray.window import WindowConfig

GPU = EngineConfig(tensor_parallel_size=2, replicas=2)
CPU = EngineConfig(device="cpu", dtype="float32", cpu_kv_cache_gib=3)


def config(engine: EngineConfig) -> ServeConfig:
    window = WindowConfig(default_budget=7, hints={"short": "So:"}, default_hint="short")
    return ServeConfig(models={"z1": "folder"}, api_keys="none", max_replicas=4, window=window, engine=engine)


@pytest.mark.parametrize("engine", [GPU, CPU])
def test_ray_takes_the_settings(engine: EngineConfig) -> None:
    """``LLMConfig`` checks them only when the application is built, which on a GPU cluster costs money."""
    from ray.serve.llm import LLMConfig

    from z1ray.serving.replica.server import WindowServer

    built = LLMConfig.model_validate(llm_settings("z1", "folder", config(engine), {}))
    assert built.server_cls is WindowServer
    assert built.accelerator_config is not None
    assert built.accelerator_config.kind == engine.device
    assert WindowConfig(**built.deployment_config["user_config"][WINDOW_KEY]) == config(engine).window


def test_replicas_bundles_and_environment_follow_the_engine() -> None:
    """A wrong count of bundles waits for a GPU that never comes; a lost job variable sends workers to a hub."""
    on_gpu = llm_settings("z1", "folder", config(GPU), {})
    assert len(on_gpu["placement_group_config"]["bundles"]) == 2
    scaling = on_gpu["deployment_config"]["autoscaling_config"]
    assert (scaling["min_replicas"], scaling["max_replicas"]) == (2, 4)
    on_cpu = llm_settings("z1", "folder", config(CPU), {"HF_HUB_OFFLINE": "1"})
    assert on_cpu["runtime_env"]["env_vars"]["HF_HUB_OFFLINE"] == "1"
    assert on_cpu["runtime_env"]["env_vars"]["VLLM_CPU_KVCACHE_SPACE"] == "3"


def test_every_replicas_engine_carries_the_windows_processor() -> None:
    """An engine without it would take budgets and ignore them; its replica would refuse to start, minutes later."""
    for engine in (GPU, CPU):
        settings = llm_settings("z1", "folder", config(engine), {})
        assert settings["engine_kwargs"]["logits_processors"] == [WINDOW_PROCESSOR]


def test_every_model_gets_its_own_window_and_engine() -> None:
    """Two models in one application; with the first one's settings the second would be capped elsewhere."""
    other = WindowConfig(default_budget=3, max_budget=9, efforts={})
    both = dataclasses.replace(
        config(GPU), models={"z1": "a", "small": "b"}, windows={"small": other}, engines={"small": CPU}
    )
    first, second = (llm_settings(name, source, both, {}) for name, source in both.models.items())
    windows = [WindowConfig(**each["deployment_config"]["user_config"][WINDOW_KEY]) for each in (first, second)]
    assert windows == [both.window, other]
    assert (first["engine_kwargs"]["dtype"], second["engine_kwargs"]["dtype"]) == ("auto", "float32")
    assert second["deployment_config"]["autoscaling_config"]["min_replicas"] == 1


def test_requests_wait_where_they_can_be_counted() -> None:
    """Ray's defaults hand every request to the engine at once, have no queue to be full, and drain for 20 s."""
    engine = EngineConfig(max_num_seqs=16)
    asked = dataclasses.replace(config(engine), max_queued_requests=9, drain_timeout_s=77.0, surge_percent=50)
    options = llm_settings("z1", "folder", asked, {})["deployment_config"]
    assert 16 < options["max_ongoing_requests"] <= 32
    assert options["max_queued_requests"] == 9
    assert BrownOut(**options["user_config"][BROWNOUT_KEY]) == BrownOut(0.5, 0, asked=False, queue=9)
    assert options["graceful_shutdown_timeout_s"] == 77.0
    assert options["max_surge_percent"] == 50
    assert options["health_check_period_s"] <= 3


def test_keys_in_a_jobs_environment_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray writes that environment into the record of every deployment and shows it in its dashboard."""
    monkeypatch.setenv("STAFF", "alice=alice-0123456789abcdef")
    asked = dataclasses.replace(config(CPU), api_keys="env:STAFF")
    require_keys(asked, {"OTHER": "1"})
    with pytest.raises(UserError, match="runtime environment"):
        require_keys(asked, {"STAFF": "alice=alice-0123456789abcdef"})
    monkeypatch.delenv("STAFF")
    with pytest.raises(UserError, match="no such variable"):
        require_keys(asked, {})


def test_direct_streaming_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends requests straight to vLLM's own server, which knows nothing of budgets: accepted, not enforced."""
    monkeypatch.setattr("ray.llm._internal.serve.constants.RAY_SERVE_LLM_ENABLE_DIRECT_STREAMING", True)
    with pytest.raises(UserError, match="without their thinking budget"):
        build_app(config(CPU))
