"""Settings of evaluation."""

from dataclasses import dataclass, field
from typing import ClassVar

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.window import NO_CAP, WindowConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """checkpoints -> curve.

    Attributes:
        models: Folders or hub names by the name the curve gives them.
        benchmarks: Sources of problems with tests.
        budgets: Thinking budgets to sweep, in tokens; -1 is no cap.
        samples: Answers per problem and budget; pass@1 is their mean.
        temperature, top_p: Sampling; the paper is greedy.
        system_prompt: The system turn; none if empty.
        hints: Hint name by benchmark label, for those that do not use the default.
        batch_size: Requests handed to an engine at a time.
        confidence: Level of the accuracy intervals.
        seed: Seed of the sampling.
        window: The models' window settings.
        engine: The vLLM engines.
        sandbox: Limits for running code answers.
    """

    # How, not what: a run may be continued with other values (see z1ray.artifacts.begin).
    OPERATIONAL: ClassVar[tuple[str, ...]] = ("batch_size", "engine.replicas", "engine.strategy", "engine.resources")

    models: dict[str, str] = MISSING
    benchmarks: list[SourceConfig] = MISSING
    budgets: list[int] = MISSING
    samples: int = 1
    temperature: float = 0.0
    top_p: float = 1.0
    system_prompt: str = "Please reason step by step."
    hints: dict[str, str] = field(default_factory=dict)
    batch_size: int = 16
    confidence: float = 0.95
    seed: int = 0
    window: WindowConfig = field(default_factory=WindowConfig)
    engine: EngineConfig = field(default_factory=EngineConfig)
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)

    def __post_init__(self) -> None:
        for name in ("models", "benchmarks", "budgets"):
            if not getattr(self, name):
                raise UserError(
                    f"evaluate.{name}", getattr(self, name), "there is nothing to evaluate", "name at least one"
                )
        bad = [budget for budget in self.budgets if budget < NO_CAP]
        if bad:
            raise UserError(
                "evaluate.budgets", bad[0], "it is no thinking budget", "use -1 (no cap), 0 or a token count"
            )
        if len(set(self.budgets)) < len(self.budgets):
            raise UserError("evaluate.budgets", self.budgets, "a budget is listed twice", "list each once")
        for name in ("samples", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"evaluate.{name}", getattr(self, name), "it is a count", "set it to 1 or more")
        if not 0 < self.confidence < 1:
            raise UserError("evaluate.confidence", self.confidence, "it is a probability", "set it between 0 and 1")
        labels = [source.label for source in self.benchmarks]
        for label in self.hints.keys() - set(labels):
            raise UserError(
                f"evaluate.hints.{label}",
                self.hints[label],
                "no benchmark has this label",
                f"name one of {', '.join(labels)}",
            )
        if len(set(labels)) < len(labels):
            raise UserError("evaluate.benchmarks", labels, "two have the same name", "give each its own `name`")
        for name in self.hints.values():
            self.window.hint_text(name)
