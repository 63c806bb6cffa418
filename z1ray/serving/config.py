"""Settings of the Shifted Thinking Window endpoint."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.serving.http.keys import require_source
from z1ray.window import WindowConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """checkpoint -> endpoint.

    Attributes:
        models: Folders or hub names by the name clients ask for.
        system_prompt: The system turn of the health-check chats; none if empty.
        host, port: Where the OpenAI-compatible API listens; loopback unless the operator says so.
        api_keys: Where the keys come from that requests must bear: ``env:NAME`` or
            ``file:PATH`` (lines of ``name=key``), or ``none`` for an endpoint without keys.
        max_replicas: Replicas per model; ``engine.replicas`` is the least.
        max_queued_requests: Requests per model that may wait for a replica; one more
            is answered with 429.
        pending_tokens_per_replica: Thinking tokens still owed at which a model gets
            another replica; None is what the engine can decode at once, ``max_num_seqs`` runs
            of the default budget.
        upscale_delay_s, downscale_delay_s: Seconds the load must call for more or fewer
            replicas before their number changes.
        stream_interval: Tokens per chunk of a stream after its first, which comes at once. Each
            chunk costs Ray Serve's processes more than a millisecond of CPU.
        drain_timeout_s: Seconds a replica that has to go may take to finish its requests.
        keep_running: Leave the endpoint up when the job ends; otherwise it is
            started, checked with real chats and stopped.
        start_timeout_s: Seconds until every model must be healthy.
        check_budget: Thinking budget of the check that must cut, in tokens.
        window: The window settings of the models.
        windows: Settings by model name, in place of ``window``.
        engine: The vLLM engine of each replica.
        engines: Engines by model name, in place of ``engine``.
    """

    models: dict[str, str] = MISSING
    system_prompt: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: str = "env:Z1RAY_API_KEYS"
    max_replicas: int = 1
    max_queued_requests: int = 256
    pending_tokens_per_replica: int | None = None
    upscale_delay_s: float = 10.0
    downscale_delay_s: float = 300.0
    stream_interval: int = 8
    drain_timeout_s: float = 600.0
    keep_running: bool = True
    start_timeout_s: float = 900.0
    check_budget: int = 16
    window: WindowConfig = field(default_factory=WindowConfig)
    windows: dict[str, WindowConfig] = field(default_factory=dict)
    engine: EngineConfig = field(default_factory=EngineConfig)
    engines: dict[str, EngineConfig] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.models:
            raise UserError("serve.models", self.models, "there is nothing to serve", "name at least one model")
        odd = [name for name in self.models if not name or ":" in name]
        if odd:
            raise UserError("serve.models", odd[0], "Ray reads ':' as base model and adapter", "rename the model")
        if not self.host:
            raise UserError("serve.host", self.host, "it would open the port to everyone", "set it to 127.0.0.1")
        if not 0 < self.port < 65536:
            raise UserError("serve.port", self.port, "it is no TCP port", "set it from 1 to 65535")
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
        self._check_operation()

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

    def _check_operation(self) -> None:
        for name in ("check_budget", "max_queued_requests", "pending_tokens_per_replica", "stream_interval"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise UserError(f"serve.{name}", count, "it is a count", "set it to 1 or more")
        if self.start_timeout_s <= 0:
            raise UserError("serve.start_timeout_s", self.start_timeout_s, "no engine starts in that time", "raise it")
        for name in ("upscale_delay_s", "downscale_delay_s", "drain_timeout_s"):
            seconds = getattr(self, name)
            # The comparison is false for nan, too.
            if not 0 <= seconds < float("inf"):
                raise UserError(f"serve.{name}", seconds, "it is a time in seconds", "set it to 0 or more")

    def window_of(self, model: str) -> WindowConfig:
        """The window settings of a model."""
        return self.windows.get(model, self.window)

    def engine_of(self, model: str) -> EngineConfig:
        """The engine of a model's replicas."""
        return self.engines.get(model, self.engine)
