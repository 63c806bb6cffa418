"""Settings of serving."""

import math
from dataclasses import dataclass

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.serving.keys import require_source
from z1ray.settings import check, setting
from z1ray.window import WindowConfig

APP = "z1ray"
"""Name of the endpoint's application in Ray Serve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """checkpoint -> endpoint."""

    models: dict[str, str] = setting(MISSING, "Folders or hub names by the name that clients ask for.")
    system_prompt: str = setting("", "System turn of the chats that check the endpoint; none if empty.")
    host: str = setting(
        "127.0.0.1",
        "Address the OpenAI-compatible API listens on; only this machine reaches the default.",
        role="operational",
    )
    port: int = setting(8000, "TCP port of the API.", least=1, most=65535, role="operational")
    api_keys: str = setting(
        "env:Z1RAY_API_KEYS",
        "Source of the API keys: `env:NAME` or `file:PATH` (lines of `name=key`), or `none` for an endpoint "
        "without keys.",
        role="operational",
    )
    max_replicas: int = setting(
        1, "Most replicas per model; `engine.replicas` is the least.", least=1, role="operational"
    )
    max_queued_requests: int = setting(
        256,
        "Requests per model that may wait for a replica; a further one is answered with 429.",
        least=1,
        role="operational",
    )
    pending_tokens_per_replica: int | None = setting(
        None,
        "Thinking tokens that one replica may still have to write; with more, the model gets another replica. "
        "Unset: `max_num_seqs` requests of the default budget.",
        least=1,
        role="operational",
    )
    upscale_delay_s: float = setting(
        10.0, "Seconds of high load before a replica is added.", least=0, below=math.inf, role="operational"
    )
    downscale_delay_s: float = setting(
        300.0, "Seconds of low load before a replica is removed.", least=0, below=math.inf, role="operational"
    )
    stream_interval: int = setting(
        8,
        "Tokens per chunk of a stream after the first, which is sent at once. Each chunk costs Ray Serve's "
        "processes more than a millisecond of CPU.",
        least=1,
        role="operational",
    )
    drain_timeout_s: float = setting(
        600.0,
        "Seconds that a replica may take to finish its requests before it is removed.",
        least=0,
        below=math.inf,
        role="operational",
    )
    keep_running: bool = setting(
        True,
        "Leave the endpoint up when the job ends; otherwise it is started, checked with real chats and stopped.",
        role="operational",
    )
    start_timeout_s: float = setting(900.0, "Seconds until every model must be healthy.", above=0, role="operational")
    check_budget: int = setting(16, "Thinking budget in tokens of the check that must be cut.", least=1)
    window: WindowConfig = setting(WindowConfig, "Window settings of the models.")
    windows: dict[str, WindowConfig] = setting(dict, "Window settings by model name, in place of `window`.")
    engine: EngineConfig = setting(EngineConfig, "The vLLM engine of each replica.")
    engines: dict[str, EngineConfig] = setting(dict, "Engines by model name, in place of `engine`.")

    def __post_init__(self) -> None:
        check(self, "serve")
        if not self.models:
            raise UserError("serve.models", self.models, "there is nothing to serve", "name at least one model")
        odd = [name for name in self.models if not name or ":" in name]
        if odd:
            raise UserError("serve.models", odd[0], "Ray reads ':' as base model and adapter", "rename the model")
        if not self.host:
            raise UserError("serve.host", self.host, "it would open the port to everyone", "set it to 127.0.0.1")
        require_source(self.api_keys)
        for section in ("windows", "engines"):
            for name in getattr(self, section):
                if name not in self.models:
                    raise UserError(
                        f"serve.{section}.{name}",
                        name,
                        "no model of that name is served",
                        f"use one of: {', '.join(sorted(self.models))}",
                    )
        for name in self.models:
            self._check_replicas(name)

    def _check_replicas(self, model: str) -> None:
        least = self.engine_of(model).replicas
        if self.max_replicas < least:
            section = f"engines.{model}" if model in self.engines else "engine"
            raise UserError(
                "serve.max_replicas",
                self.max_replicas,
                f"it is below serve.{section}.replicas = {least}",
                "raise it or lower the other",
            )

    def window_of(self, model: str) -> WindowConfig:
        """The window settings of a model."""
        return self.windows.get(model, self.window)

    def engine_of(self, model: str) -> EngineConfig:
        """The engine of a model's replicas."""
        return self.engines.get(model, self.engine)
