"""Settings of the Shifted Thinking Window endpoint."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.window import WindowConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeConfig:
    """checkpoint -> endpoint.

    Attributes:
        models: Folders or hub names by the name clients ask for.
        system_prompt: The system turn of the health-check chats; none if empty.
        host, port: Where the OpenAI-compatible API listens; loopback unless the operator says so.
        max_replicas: Replicas per model; ``engine.replicas`` is the least.
        keep_running: Leave the endpoint up when the job ends; otherwise it is
            started, checked with real chats and stopped.
        start_timeout_s: Seconds until every model must be healthy.
        check_budget: Thinking budget of the check that must cut, in tokens.
        window: The window settings of the models.
        engine: The vLLM engine of each replica.
    """

    models: dict[str, str] = MISSING
    system_prompt: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    max_replicas: int = 1
    keep_running: bool = True
    start_timeout_s: float = 900.0
    check_budget: int = 16
    window: WindowConfig = field(default_factory=WindowConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)

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
        if self.max_replicas < self.engine.replicas:
            raise UserError(
                "serve.max_replicas",
                self.max_replicas,
                f"it is below serve.engine.replicas = {self.engine.replicas}",
                "raise it or lower the other",
            )
        if self.start_timeout_s <= 0:
            raise UserError("serve.start_timeout_s", self.start_timeout_s, "no engine starts in that time", "raise it")
        if self.check_budget < 1:
            raise UserError("serve.check_budget", self.check_budget, "it is a count", "set it to 1 or more")
