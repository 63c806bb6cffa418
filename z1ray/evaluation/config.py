"""Settings of evaluation."""

from dataclasses import dataclass

from omegaconf import MISSING

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.evaluation.endpoints import EndpointConfig
from z1ray.evaluation.methods import names
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.settings import check, setting
from z1ray.window import NO_CAP, WindowConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateConfig:
    """checkpoints -> curve."""

    models: dict[str, str] = setting(dict, "Folders or hub names by the name the curve gives them.", role="extends")
    endpoints: dict[str, EndpointConfig] = setting(
        dict, "Models that are asked over HTTP, by the name the curve gives them.", role="extends"
    )
    benchmarks: list[SourceConfig] = setting(MISSING, "Sources of problems with tests.", role="extends")
    budgets: list[int] = setting(
        MISSING, "Thinking budgets to sweep, in tokens; -1 is no cap.", least=NO_CAP, role="extends"
    )
    methods: list[str] = setting(
        lambda: [names.WINDOW],
        "How runs are held to a budget (see z1ray/evaluation/methods/names.py): "
        + ", ".join(f"`{name}`" for name in names.METHODS)
        + ".",
        role="extends",
    )
    samples: int = setting(
        1,
        "Answers per problem and budget; pass@1 is their mean. Several need a temperature above 0.",
        least=1,
        role="extends",
    )
    temperature: float = setting(0.0, "Sampling; the paper is greedy.", least=0)
    top_p: float = setting(1.0, "Sampling; the paper is greedy.", above=0, most=1)
    system_prompt: str = setting("Please reason step by step.", "The system turn; none if empty.")
    hints: dict[str, str] = setting(
        dict, "Hint name by benchmark label, for those that do not use the default.", role="extends"
    )
    answer_tokens: dict[str, int] = setting(
        dict,
        "Tokens for the answer by benchmark label, for those that need others than `window.answer_tokens`.",
        least=1,
        role="extends",
    )
    system_prompts: dict[str, str] = setting(
        dict, "System turn by benchmark label, for those that use another than `system_prompt`.", role="extends"
    )
    batch_size: int = setting(16, "Requests handed to an engine at a time.", least=1, role="operational")
    parallelism: int | None = setting(
        None,
        "Answers graded side by side at most; as many as the cluster has CPUs if unset.",
        least=1,
        role="operational",
    )
    confidence: float = setting(0.95, "Level of the accuracy intervals.", above=0, below=1, role="operational")
    seed: int = setting(0, "Seed of the sampling.")
    window: WindowConfig = setting(WindowConfig, "The models' window settings.")
    engine: EngineConfig = setting(EngineConfig, "The vLLM engines.")
    sandbox: SandboxConfig = setting(SandboxConfig, "Limits for running code answers.", role="regrades")

    def __post_init__(self) -> None:
        check(self, "evaluate")
        for name in ("benchmarks", "budgets") if self.endpoints else ("models", "benchmarks", "budgets"):
            if not getattr(self, name):
                raise UserError(
                    f"evaluate.{name}", getattr(self, name), "there is nothing to evaluate", "name at least one"
                )
        self._check_endpoints()
        if len(set(self.budgets)) < len(self.budgets):
            raise UserError("evaluate.budgets", self.budgets, "a budget is listed twice", "list each once")
        if self.samples > 1 and self.temperature == 0:
            raise UserError(
                "evaluate.samples, evaluate.temperature",
                (self.samples, self.temperature),
                "at temperature 0 all samples of a problem are the same answer, and would be counted as several",
                "set evaluate.temperature above 0, e.g. 0.7, or evaluate.samples=1",
            )
        self._check_methods()
        labels = [source.label for source in self.benchmarks]
        for section in ("hints", "answer_tokens", "system_prompts"):
            self._require_labels(section, labels)
        if len(set(labels)) < len(labels):
            raise UserError("evaluate.benchmarks", labels, "two have the same name", "give each its own `name`")
        for name in self.hints.values():
            self.window.hint_text(name)
        # Every benchmark has its own here, so that a new benchmark brings one and an old one keeps its own.
        own = {
            "hints": self.window.default_hint,
            "answer_tokens": self.window.answer_tokens,
            "system_prompts": self.system_prompt,
        }
        for section, usual in own.items():
            given = getattr(self, section)
            object.__setattr__(self, section, {label: given.get(label, usual) for label in labels})

    def _check_methods(self) -> None:
        field, known = "evaluate.methods", ", ".join(names.METHODS)
        for name in self.methods:
            if name not in names.METHODS:
                raise UserError(field, name, "no method has this name", f"use one of {known}")
        if not self.methods or len(set(self.methods)) < len(self.methods):
            raise UserError(
                field, self.methods, "it is empty or lists a method twice", f"list some of {known}, each once"
            )
        if names.MAJORITY in self.methods and self.temperature == 0:
            raise UserError(
                "evaluate.methods, evaluate.temperature",
                (names.MAJORITY, self.temperature),
                "at temperature 0 all samples of a problem are the same answer, so there is nothing to vote on",
                f"set evaluate.temperature above 0, e.g. 0.7, or leave out {names.MAJORITY}",
            )
        capped = set(self.methods) - {names.WINDOW, names.UNCAPPED}
        if capped and set(self.budgets) == {NO_CAP}:
            raise UserError(
                "evaluate.budgets", self.budgets, f"{min(capped)} has no point without a cap", "add a budget"
            )

    @property
    def names(self) -> list[str]:
        """Of all that is evaluated: models, then endpoints."""
        return [*self.models, *self.endpoints]

    def _check_endpoints(self) -> None:
        for name, endpoint in self.endpoints.items():
            endpoint.require(name, self.budgets)
            if name in self.models:
                raise UserError(
                    f"evaluate.endpoints.{name}", name, "a model has the same name", "give each a name of its own"
                )

    def _require_labels(self, section: str, labels: list[str]) -> None:
        given = getattr(self, section)
        for label in given.keys() - set(labels):
            raise UserError(
                f"evaluate.{section}.{label}",
                given[label],
                "no benchmark has this label",
                f"name one of {', '.join(labels)}",
            )
