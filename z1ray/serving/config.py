"""Settings of serving."""

import math
import re
from dataclasses import dataclass

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.serving.keys import require_source
from z1ray.serving.quota.config import Quota
from z1ray.settings import check, setting
from z1ray.window import WindowConfig

# "/-/" is Ray Serve's own.
_PREFIX = re.compile(r"/|(?!/-(/|$))(/[\w.~-]+)+", re.ASCII)


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
    route_prefix: str = setting(
        "/",
        "Path below which the endpoint answers, such as `/team-a`; several endpoints of one cluster share its "
        "address so.",
        role="operational",
    )
    api_keys: str = setting(
        "env:Z1RAY_API_KEYS",
        "Source of the API keys: `env:NAME` or `file:PATH` (lines of `name=key`, keys of 16 characters or more), or "
        "`none` for an endpoint without keys.",
        role="operational",
    )
    quotas: dict[str, Quota] = setting(
        dict,
        "Quotas by the name of a key's holder; `*` is that of every key that has none of its own. Counted are the "
        "tokens that requests generate; a request over quota is answered with 429.",
        role="operational",
    )
    quota_store: str | None = setting(
        None,
        "File of the book of quotas and conversations, on storage that every node sees; endpoints that name the same "
        "share their book. Unset: beside the stage's folder, `endpoint.quotas.sqlite`.",
        role="operational",
    )
    max_body_mib: int = setting(
        16, "Longest request body in MiB; a longer one is answered with 413.", least=1, most=512, role="operational"
    )
    max_replicas: int = setting(
        1, "Most replicas per model; `engine.replicas` is the least.", least=1, role="operational"
    )
    max_queued_requests: int = setting(
        256,
        "Requests per model that may wait for a replica, and sequences that may wait in it; a further one is answered "
        "with 429.",
        least=1,
        role="operational",
    )
    brownout_from: float = setting(
        0.5,
        "Share of the queue (`max_queued_requests`) at which default thinking budgets begin to shrink, so that all are "
        "answered before one is refused; 1 switches that off.",
        least=0,
        most=1,
        role="operational",
    )
    brownout_floor: int = setting(
        0, "Thinking budget in tokens to which they have shrunk when the queue is full.", least=0, role="operational"
    )
    brownout_asked: bool = setting(False, "Budgets that clients asked for shrink in the same way.", role="operational")
    max_runs_per_request: int | None = setting(
        None,
        "Most sequences of one request, its prompts times its choices (`n`). Unset: `max_num_seqs`, all slots of one "
        "engine.",
        least=1,
        role="operational",
    )
    pending_tokens_per_replica: int | None = setting(
        None,
        "Tokens, thinking and answers, that one replica may still have to write; with more, the model gets another "
        "replica, as it does with more sequences than slots. Unset: `max_num_seqs` requests of the default budget.",
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
    surge_percent: int = setting(
        25,
        "Replicas that an update may start beyond those of a model, in percent of them and rounded up; old ones go "
        "as new ones are ready. 0 stops old ones first, for a cluster without room for more.",
        least=0,
        most=100,
        role="operational",
    )
    keep_running: bool = setting(
        True,
        "Leave the endpoint up when the job ends; otherwise it is started, checked with real chats and stopped.",
        role="operational",
    )
    start_timeout_s: float = setting(
        900.0,
        "Seconds in which the endpoint must come up, or an update of it take its next step (for which it has "
        "`drain_timeout_s` more, as old replicas finish first); then it is undone.",
        above=0,
        role="operational",
    )
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
        if not _PREFIX.fullmatch(self.route_prefix):
            raise UserError(
                "serve.route_prefix", self.route_prefix, "it is no path", "set it to / or to a path such as /team-a"
            )
        if self.quota_store == "":
            raise UserError("serve.quota_store", "", "it names no file", "name one, or leave it out")
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
