"""Settings of curation."""

from dataclasses import dataclass, field
from typing import Literal

from omegaconf import MISSING

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class CurateConfig:
    """trajectories -> dataset.

    Attributes:
        trajectories: Folder that generation wrote.
        tokenizer: Model whose tokens the budget counts: a folder or a hub name.
        keep: ``verified`` keeps only trajectories whose code passed its tests; ``any``
            records the verdict and keeps the rest too (the paper does not filter by it).
        keep_truncated: Keep runs that were cut off by their token limit.
        duplicate_similarity: Jaccard similarity of word shingles from which two
            responses count as duplicates; 1 drops only equal ones.
        benchmarks: Benchmarks whose problems must not be in the data.
        contamination_ngram: Words in a row shared with a benchmark problem that
            mark a problem as contaminated.
        selection: Order in which rows fill ``token_budget``: longest or shortest
            first (the paper's ablations), or random by ``seed``.
        token_budget: Response tokens to select in all; everything if unset.
        seed: Seed of the random selection.
        parallelism: Sandboxes that run side by side.
        sandbox: Limits for running the tests.
    """

    trajectories: str = MISSING
    tokenizer: str = MISSING
    keep: Literal["any", "verified"] = "any"
    keep_truncated: bool = False
    duplicate_similarity: float = 0.8
    benchmarks: list[SourceConfig] = field(default_factory=list)
    contamination_ngram: int = 13
    selection: Literal["longest", "shortest", "random"] = "longest"
    token_budget: int | None = None
    seed: int = 0
    parallelism: int = 8
    sandbox: SandboxConfig = field(default_factory=SandboxConfig)

    def __post_init__(self) -> None:
        if not 0 < self.duplicate_similarity <= 1:
            raise UserError(
                "curate.duplicate_similarity",
                self.duplicate_similarity,
                "it is a similarity",
                "set it above 0, up to 1",
            )
        for name in ("contamination_ngram", "parallelism"):
            if getattr(self, name) < 1:
                raise UserError(f"curate.{name}", getattr(self, name), "it is a count", "set it to 1 or more")
        if self.token_budget is not None and self.token_budget < 1:
            raise UserError(
                "curate.token_budget", self.token_budget, "nothing fits into it", "set it to 1 or more, or leave it out"
            )
