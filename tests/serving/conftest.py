"""Two endpoints for all tests over HTTP, started by the stage itself: one that stays as it is, one to change."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.longer import with_context
from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.ports import free_port
from z1ray.serving import endpoint, health, rollout
from z1ray.serving.config import ServeConfig
from z1ray.serving.quota.config import Quota
from z1ray.serving.serve import serve_models
from z1ray.window import WindowConfig

MODEL = "smollm2"
TINY = "tiny"
KEYS = {"alice": "alice-0123456789abcdef", "bob": "bob-fedcba9876543210"}
# Of those that have a quota: one that many requests share, which has room for most of them whatever those whose
# client vanishes have written by then; one that few use up.
QUOTAS = {"carol": Quota(tokens_per_minute=40_000), "dave": Quota(tokens_per_day=200)}
KEYS |= {name: f"{name}-0011223344556677" for name in QUOTAS}
APP = "served"
LONG_AGO = "another version"
TEAM = "team-a"
SMALL = "miniature"
DEPLOYMENT = f"WindowServer:{SMALL}"
CONTEXT = 2048
PATIENCE_S = 900


def engines(app: str) -> list[psutil.Process]:
    """The engine process of each replica of an application; others may be starting or going at the same time."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess):
            children = process.children() if f"ServeReplica:{app}:" in process.name() else []
        for child in children:
            with suppress(psutil.NoSuchProcess):
                if child.name().startswith("VLLM::"):
                    found.append(child)
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
    engine = EngineConfig(device="cpu", dtype="float32", max_model_len=1024, max_num_seqs=16, enforce_eager=True)
    efforts = {"minimal": 0, "low": 8, "medium": 24, "high": 64}
    window = WindowConfig(default_budget=24, efforts=efforts, answer_tokens=16)
    return ServeConfig(
        models={MODEL: str(smollm2), TINY: str(tiny_model)},
        port=free_port(),
        api_keys=f"file:{keys}",
        drain_timeout_s=60.0,
        check_budget=8,
        quotas=QUOTAS,
        window=dataclasses.replace(window, max_budget=400),
        windows={TINY: window},
        engine=engine,
        engines={TINY: dataclasses.replace(engine, tool_parser="hermes")},
    )


@pytest.fixture(scope="package")
def serve_cluster(ray_cluster: None) -> Iterator[None]:
    """A cluster on which the first endpoint starts Ray Serve."""
    from ray import serve

    yield
    serve.shutdown()  # type: ignore[no-untyped-call]


@pytest.fixture(scope="package")
def served(
    serve_config: ServeConfig, serve_cluster: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    # Finished some time ago, and its endpoint is gone: the stage has to start it again.
    output = tmp_path_factory.mktemp("serve") / "endpoint"
    artifacts.begin(output, serve_config)
    artifacts.finish(output, time.time(), deployed=LONG_AGO)
    manifest = serve_models(serve_config, output, name=APP)
    with health.client(manifest["address"].removesuffix("/v1"), serve_config.api_keys) as api:
        yield Served(serve_config, output, manifest, KEYS["alice"], api)


@dataclass
class Changing:
    """An endpoint beside the one that all tests share, which tests change while it runs.

    Its one model, ``SMALL``, writes sums that are worth grading, in no time. It may have two replicas.

    Attributes:
        config: What it has now.
        output: The folder of its stage.
    """

    config: ServeConfig
    output: Path

    def change(self, **settings: Any) -> None:
        """Deploy it over itself with other settings."""
        config = dataclasses.replace(self.config, **settings)
        serve_models(config, self.output, name=TEAM)
        self.config = config

    def client(self) -> openai.OpenAI:
        """A client of it, to close."""
        return health.client(endpoint.address(self.config), self.config.api_keys)

    def replicas(self) -> dict[str, int]:
        """How many of its replicas are in which state."""
        app = endpoint.application(TEAM)
        assert app is not None
        return {str(state): count for state, count in app.deployments[DEPLOYMENT].replica_states.items()}

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until its replicas are as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"the replicas do not change: {self.replicas()}"
            time.sleep(1)


@pytest.fixture(scope="package")
def changing(
    serve_config: ServeConfig, serve_cluster: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Changing]:
    folder = tmp_path_factory.mktemp("changing")
    # More slots than a test has streams that are not to call for another replica.
    engine = EngineConfig(device="cpu", dtype="float32", max_num_seqs=24, enforce_eager=True)
    config = ServeConfig(
        models={SMALL: str(with_context(CONTEXT, folder / "model"))},
        port=serve_config.port,
        route_prefix=f"/{TEAM}",
        api_keys=serve_config.api_keys,
        quotas={"carol": Quota(tokens_per_minute=3_000)},
        max_replicas=2,
        # All clients of a test that is not about a full queue find room in it.
        max_queued_requests=16,
        pending_tokens_per_replica=8000,
        upscale_delay_s=1.0,
        downscale_delay_s=5.0,
        stream_interval=32,
        drain_timeout_s=60.0,
        window=WindowConfig(default_budget=64, answer_tokens=16, efforts={}),
        engine=engine,
    )
    made = Changing(config, folder / "endpoint")
    made.change()
    yield made
    rollout.stop(made.config, TEAM)
