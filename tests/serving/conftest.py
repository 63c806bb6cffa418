"""One endpoint for all tests over HTTP: the real small model, through the stage itself."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.serving import checks
from z1ray.serving.config import ServeConfig
from z1ray.window import WindowConfig

MODEL = "smollm2"
LONG_AGO = 1.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Served:
    """A running endpoint, what it was started with, and a client for it."""

    config: ServeConfig
    output: Path
    manifest: dict[str, Any]
    api: openai.OpenAI


@pytest.fixture(scope="session")
def serve_config(smollm2: Path) -> ServeConfig:
    return ServeConfig(
        models={MODEL: str(smollm2)},
        port=free_port(),
        check_budget=8,
        window=WindowConfig(default_budget=24, answer_tokens=16),
        engine=EngineConfig(device="cpu", dtype="float32", max_model_len=1024, max_num_seqs=16, enforce_eager=True),
    )


@pytest.fixture(scope="session")
def served(serve_config: ServeConfig, ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from ray import serve

    from z1ray.serving.serve import serve_models

    # Finished some time ago, and its endpoint is gone: the stage has to start it again.
    output = tmp_path_factory.mktemp("serve") / "endpoint"
    artifacts.begin(output, serve_config)
    artifacts.finish(output, time.time(), deployed=LONG_AGO)
    try:
        manifest = serve_models(serve_config, output)
        with checks.client(manifest["address"].removesuffix("/v1")) as api:
            yield Served(serve_config, output, manifest, api)
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]
