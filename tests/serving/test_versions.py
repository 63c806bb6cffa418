"""What an update restarts: engines for what they cannot take on while they run, and nothing else."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.serving.config import ServeConfig
from z1ray.serving.quota.config import Quota
from z1ray.serving.replica.deployment import llm_settings
from z1ray.serving.versions import engine_version, ingress_version
from z1ray.window import WindowConfig

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=1024)


@pytest.fixture
def config(tmp_path: Path) -> ServeConfig:
    (tmp_path / "config.json").write_text("{}")
    return ServeConfig(models={"m": str(tmp_path)}, api_keys="none", engine=ENGINE)


def versions(config: ServeConfig, job_env: dict[str, str] | None = None) -> tuple[str, str]:
    """Of the engine and of the endpoint."""
    source = config.models["m"]
    engine = engine_version(llm_settings("m", source, config, job_env or {}), source)
    return engine, ingress_version(config, {"m": engine})


@pytest.mark.parametrize(
    "change",
    [
        {"window": WindowConfig(default_budget=7)},
        {"windows": {"m": WindowConfig(hints={"code": "So:"})}},
        {"max_queued_requests": 3},
        {"brownout_from": 1.0, "brownout_floor": 8, "brownout_asked": True},
        {"max_replicas": 5},
        {"pending_tokens_per_replica": 9},
        {"upscale_delay_s": 1.0, "downscale_delay_s": 2.0},
        {"drain_timeout_s": 5.0},
        {"surge_percent": 0},
        {"engine": dataclasses.replace(ENGINE, replicas=2), "max_replicas": 2},
        {"api_keys": "file:keys"},
        {"quotas": {"alice": Quota(tokens_per_day=5)}, "quota_store": "book.sqlite"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_light_settings_keep_the_engines(config: ServeConfig, change: dict[str, Any]) -> None:
    """An engine takes minutes to start, and its cache is lost; yet the endpoint is another one."""
    before, after = versions(config), versions(dataclasses.replace(config, **change))
    assert before[0] == after[0]
    assert before[1] != after[1]


@pytest.mark.parametrize(
    "change", [{"engine": dataclasses.replace(ENGINE, max_num_seqs=3)}, {"stream_interval": 1}], ids=str
)
def test_settings_of_the_engine_restart_it(config: ServeConfig, change: dict[str, Any]) -> None:
    """Kept, the old engine would go on with the old ones, and nobody would know."""
    before, after = versions(config), versions(dataclasses.replace(config, **change))
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_model_trained_anew_into_its_folder_is_another_one(config: ServeConfig) -> None:
    """A second run of the pipeline writes to the same path; its endpoint must not go on with the old weights."""
    before = versions(config)
    file = Path(config.models["m"]) / "config.json"
    os.utime(file, ns=(1, 1))
    touched = versions(config)
    (Path(config.models["m"]) / "more.safetensors").write_text("w")
    assert len({before, touched, versions(config)}) == 3


def test_settings_of_the_job_are_not_the_endpoints(config: ServeConfig) -> None:
    """Whoever only waits longer or checks otherwise must find the endpoint as it is."""
    other = dataclasses.replace(config, start_timeout_s=5.0, check_budget=3, system_prompt="Be brief.")
    assert versions(other) == versions(config)
    assert versions(config, {"HF_HUB_OFFLINE": "1"}) != versions(config)
