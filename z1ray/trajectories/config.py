"""Settings of trajectory generation."""

from dataclasses import dataclass, field

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeConfig:
    """One way of asking: the paper uses short and long trajectories.

    Attributes:
        system_prompt: The system turn; none if empty.
        temperature, top_p: Sampling; temperature 0 is greedy.
        max_tokens: Limit on generated tokens.
    """

    system_prompt: str = ""
    temperature: float = 0.7
    top_p: float = 0.95
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        if self.temperature < 0:
            raise UserError("temperature", self.temperature, "it cannot be negative", "set 0 (greedy) or more")
        if not 0 < self.top_p <= 1:
            raise UserError("top_p", self.top_p, "it is a share of probability", "set it above 0, up to 1")
        if self.max_tokens < 1:
            raise UserError("max_tokens", self.max_tokens, "a trajectory has at least one token", "set it to 1 or more")


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """problems -> trajectories.

    Attributes:
        model: The teacher: a folder or a hub name.
        problems: Sources of problems, one after the other.
        modes: Ways of asking, by name.
        samples_per_problem: Trajectories per problem and mode.
        seed: Seed of the run; each request derives its own from it and from its id.
        max_failed_share: Share of requests that may fail (too long for the context,
            refused by the engine) before the run counts as failed.
        batch_size: Requests handed to an engine at a time; small batches keep it full.
        engine: The vLLM engines.
    """

    model: str = MISSING
    problems: list[SourceConfig] = MISSING
    modes: dict[str, ModeConfig] = MISSING
    samples_per_problem: int = 1
    seed: int = 0
    max_failed_share: float = 0.0
    batch_size: int = 16
    engine: EngineConfig = field(default_factory=EngineConfig)

    def __post_init__(self) -> None:
        for name in ("samples_per_problem", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"generate.{name}", getattr(self, name), "it is a count", "set it to 1 or more")
        if not 0 <= self.max_failed_share <= 1:
            raise UserError("generate.max_failed_share", self.max_failed_share, "it is a share", "set it from 0 to 1")
        for name, value in (("problems", self.problems), ("modes", self.modes)):
            if not value:
                raise UserError(f"generate.{name}", value, "there is nothing to generate", "configure at least one")
        odd = [name for name in self.modes if "#" in name]
        if odd:
            raise UserError("generate.modes", odd[0], "'#' separates the parts of a trajectory id", "rename the mode")
