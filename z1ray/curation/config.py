"""Settings of curation."""

from dataclasses import dataclass
from typing import Literal

from omegaconf import MISSING

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.records import DIFFICULTIES
from z1ray.settings import check, setting

PerProblem = Literal["all", "shortest", "longest"]
Selection = Literal["longest", "shortest", "random", "z1_longest", "z1_shortest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaConfig:
    """Shares of the token budget."""

    mode: dict[str, float] = setting(
        dict, "Share of the budget by mode, e.g. {short: 0.3, long: 0.7}; other modes share what is left.", above=0
    )
    difficulty: dict[str, float] = setting(
        dict, "Share of the budget by difficulty, within each mode; other problems share what is left.", above=0
    )

    def __post_init__(self) -> None:
        check(self, "curate.quotas")
        for name in ("mode", "difficulty"):
            shares: dict[str, float] = getattr(self, name)
            if sum(shares.values()) > 1 + 1e-9:
                problem = f"the shares add up to {sum(shares.values()):g}"
                raise UserError(f"curate.quotas.{name}", shares, problem, "make them add up to 1 or less")
        if unknown := sorted(set(self.difficulty) - set(DIFFICULTIES)):
            raise UserError("curate.quotas.difficulty", unknown, "unknown difficulty", "use easy, medium, hard")


@dataclass(frozen=True, slots=True, kw_only=True)
class CurateConfig:
    """trajectories -> dataset."""

    trajectories: str = setting(MISSING, "Folder that generation wrote.")
    sources: list[str] = setting(
        list, "Use only trajectories of problems from these sources, by the sources' names; all if empty."
    )
    tokenizer: str = setting(MISSING, "Model whose tokens the budget counts: a folder or a hub name.")
    verify: bool = setting(True, "Run the problems' tests on the responses and record the verdict.")
    verdicts: str | None = setting(
        None,
        "Finished dataset of the same trajectories whose verdicts are taken over; only the rest is run. "
        "`jobs/pipeline.py` gives variants the experiment's own.",
        role="operational",
    )
    keep: Literal["any", "verified"] = setting(
        "any",
        "`verified` keeps only trajectories that passed their tests; `any` records the verdict and keeps the rest "
        "too (the paper does not filter by it).",
    )
    per_problem: PerProblem = setting(
        "all",
        "`shortest` keeps one verified trajectory a problem: the shortest of the mode in which most of its samples "
        "passed, so that a lucky guess is no lesson; easy problems then get short ones and hard ones long ones. "
        "`longest` keeps the longest verified one. Both need keep=verified.",
    )
    keep_truncated: bool = setting(False, "Keep runs that were cut off by their token limit.")
    duplicate_similarity: float = setting(
        0.8,
        "Jaccard similarity of word shingles from which two responses to the same question count as "
        "duplicates; 1 drops only equal ones.",
        above=0,
        most=1,
    )
    question_similarity: float = setting(
        0.9, "The same for questions: from here on two problems ask the same; 1 takes only equal ones.", above=0, most=1
    )
    duplicate_questions: Literal["drop", "merge"] = setting(
        "drop",
        "`drop` keeps, in each mode, only one of the problems that ask the same; `merge` keeps all, and compares "
        "their responses with each other.",
    )
    benchmarks: list[SourceConfig] = setting(
        lambda: [SourceConfig(kind="humaneval")],
        "Benchmarks whose problems must not be in the data; name here all that evaluation uses.",
    )
    contamination_ngram: int = setting(
        13, "Words in a row, shared with a benchmark problem, that mark a row as contaminated.", least=1
    )
    contamination_common: int = setting(
        10, "Words in a row that more problems than this share are a common phrase and mark nothing.", least=1
    )
    selection: Selection = setting(
        "longest",
        "Order in which rows fill `token_budget`, up to the last that fits: longest or shortest first (the "
        "paper's ablations), or random by `seed`. `z1_longest` and `z1_shortest` also take the row that crosses the "
        "budget, as Z1's own script does.",
    )
    token_budget: int | None = setting(None, "Response tokens to select in all; everything if unset.", least=1)
    quotas: QuotaConfig = setting(QuotaConfig, "Shares of token_budget by mode and difficulty.")
    seed: int = setting(0, "Seed of the random selection.")
    push_to_hub: str | None = setting(
        None, "Dataset repository (owner/name) that the finished folder is uploaded to.", role="operational"
    )
    parallelism: int | None = setting(
        None,
        "Tasks that run side by side at most; as many as the cluster has CPUs if unset.",
        least=1,
        role="operational",
    )
    sandbox: SandboxConfig = setting(SandboxConfig, "Limits for running the tests.")

    def __post_init__(self) -> None:
        check(self, "curate")
        if self.keep == "verified" and not self.verify:
            raise UserError("curate.keep", self.keep, "nothing is verified", "set curate.verify=true, or keep=any")
        if self.per_problem != "all" and self.keep != "verified":
            raise UserError(
                "curate.per_problem", self.per_problem, "it chooses among verified trajectories", "set keep=verified"
            )
        if self.token_budget is None and (self.quotas.mode or self.quotas.difficulty):
            raise UserError("curate.quotas", "given", "they are shares of no budget", "set curate.token_budget, too")
