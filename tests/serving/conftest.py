"""One endpoint for all tests over HTTP: the real small model, through the stage itself."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.serving import health
from z1ray.serving.config import ServeConfig
from z1ray.window import WindowConfig

MODEL = "smollm2"
TINY = "tiny"
KEYS = {"alice": "alice-0123456789abcdef", "bob": "bob-fedcba9876543210"}
LONG_AGO = 1.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def engines(app: str) -> list[psutil.Process]:
    """The engine process of each replica of an application; others may be starting or going at the same time."""
    found = []
    for process in psutil.process_iter(["name"]):
        if f"ServeReplica:{app}:" in process.info["name"]:
            with suppress(psutil.NoSuchProcess):
                found += [child for child in process.children() if child.name().startswith("VLLM::")]
    return found


@dataclass(frozen=True)
class Served:
    """A running endpoint, what it was started with, and a client that bears the key ``key``.

    ``MODEL`` is the real small one, with a maximum; ``TINY`` is quick, writes noise, and may run without a cap.
    """

    config: ServeConfig
    output: Path
    manifest: dict[str, Any]
    key: str
    api: openai.OpenAI


@pytest.fixture(scope="package")
def serve_config(smollm2: Path, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> ServeConfig:
    keys = tmp_path_factory.mktemp("keys") / "api-keys"
    keys.write_text("# who may ask\n" + "".join(f"{name}={key}\n" for name, key in KEYS.items()))
    return ServeConfig(
        models={MODEL: str(smollm2), TINY: str(tiny_model)},
        port=free_port(),
        api_keys=f"file:{keys}",
        drain_timeout_s=60.0,
        check_budget=8,
        window=WindowConfig(
            default_budget=24,
            max_budget=400,
            efforts={"minimal": 0, "low": 8, "medium": 24, "high": 64},
            answer_tokens=16,
        ),
        windows={TINY: WindowConfig(default_budget=24, efforts={}, answer_tokens=16)},
        engine=EngineConfig(device="cpu", dtype="float32", max_model_len=1024, max_num_seqs=16, enforce_eager=True),
    )


@pytest.fixture(scope="package")
def served(serve_config: ServeConfig, ray_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from ray import serve

    from z1ray.serving.serve import serve_models

    # Finished some time ago, and its endpoint is gone: the stage has to start it again.
    output = tmp_path_factory.mktemp("serve") / "endpoint"
    artifacts.begin(output, serve_config)
    artifacts.finish(output, time.time(), deployed=LONG_AGO)
    try:
        manifest = serve_models(serve_config, output)
        with health.client(manifest["address"].removesuffix("/v1"), serve_config.api_keys) as api:
            yield Served(serve_config, output, manifest, KEYS["alice"], api)
    finally:
        serve.shutdown()  # type: ignore[no-untyped-call]


@contextmanager
def beside(served: Served, app: str, config: ServeConfig) -> Iterator[openai.OpenAI]:
    """A client of one more application, which ends with the block, beside the one that all tests share."""
    from ray import serve

    from z1ray.serving.app import build_app

    serve.run(build_app(config), name=app, route_prefix=f"/{app}")
    address = served.manifest["address"].removesuffix("/v1")
    try:
        with health.client(f"{address}/{app}", config.api_keys) as api:
            yield api
    finally:
        serve.delete(app)
