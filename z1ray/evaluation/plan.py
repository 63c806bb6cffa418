"""What an evaluation will cost, before it starts: requests, tokens, GPU-hours and disk.

The upper bound lets every run think up to its largest budget and every answer take all the tokens it may. How much
of that is used depends on the model, so what to expect comes from answers that are there (a run with a ``limit`` of
a few problems is enough), or from a share that the user states.

As in ``traces``, each question and sample is generated once at the largest budget, and every smaller budget adds an
answer only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from z1ray.engine.tokens import context_length
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.shares import Limits, Shares, measured_shares
from z1ray.evaluation.traces import size
from z1ray.problems.load import load_problems
from z1ray.progress import say
from z1ray.window import NO_CAP

# Of text: a token is about four letters.
_TOKEN_BYTES = 4
# Each answer's whole text is written in its phase's rows, in answers.parquet and in rows.parquet; its final answer
# beside its verdict. Parquet's compression is left out, so this is more than it takes.
_COPIES = 3
_ID_BYTES = 4  # of a trace's tokens
_ROW_BYTES = 1024  # all other columns of a row, over all files


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What is generated and what that takes.

    Attributes:
        num_branches: Answers that are no trace of their own.
        tokens: Tokens to generate.
        engine_hours, gpu_hours: Of all engines together, starts left out; None if no speed is known. On CPU no GPU.
        hours: By the clock, with all engines side by side; None if no speed is known.
        disk_bytes: Of requests, traces, branches, answers and graded rows.
    """

    num_branches: int
    tokens: int
    engine_hours: float | None
    gpu_hours: float | None
    hours: float | None
    disk_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The cost of an evaluation from its beginning.

    Attributes:
        num_problems: By benchmark.
        num_models, num_traces, num_answers: In all.
        most: The upper bound.
        expected: What the shares make of it; None without any.
        shares: Where expectations come from.
        tokens_per_second: Of one engine, as stated.
    """

    num_problems: dict[str, int]
    num_models: int
    num_traces: int
    num_answers: int
    most: Cost
    expected: Cost | None
    shares: Shares | None
    tokens_per_second: float | None


def tell_cost(config: EvaluateConfig, like: Path | str, share: float | None, tokens_per_second: float | None) -> Plan:
    """Print what an evaluation costs from its beginning.

    Args:
        config: The evaluation.
        like: Folder of an evaluation, this one's or another's, whose answers tell what to expect.
        share: Part of the upper bound that is expected, instead of what those answers tell.
        tokens_per_second: What one engine generates.

    Raises:
        UserError: For a share or speed out of range, or a benchmark that cannot be read.
    """
    if share is not None and not 0 < share <= 1:
        raise UserError("--share", share, "it is a part of the upper bound", "give it above 0, up to 1")
    if tokens_per_second is not None and not tokens_per_second > 0:
        raise UserError("--tokens-per-second", tokens_per_second, "no engine is that slow", "give it above 0")
    num_problems = {source.label: len(load_problems([source])) for source in config.benchmarks}
    stated = None if share is None else Shares(trace=share, branches=share, branch=share, source="as stated")
    shares = stated or measured_shares(config, limits(config), Path(like))
    plan = make_plan(config, num_problems, shares, tokens_per_second)
    for line in lines(plan, config):
        say(line)
    return plan


def make_plan(
    config: EvaluateConfig, num_problems: Mapping[str, int], shares: Shares | None, tokens_per_second: float | None
) -> Plan:
    """The plan for so many problems of each benchmark."""
    num_traces = len(config.models) * config.samples * sum(num_problems.values())
    whole = Shares(trace=1, branches=1, branch=1, source="the upper bound")
    return Plan(
        num_problems=dict(num_problems),
        num_models=len(config.models),
        num_traces=num_traces,
        num_answers=num_traces * len(config.budgets),
        most=_cost(config, num_problems, whole, tokens_per_second),
        expected=None if shares is None else _cost(config, num_problems, shares, tokens_per_second),
        shares=shares,
        tokens_per_second=tokens_per_second,
    )


def limits(config: EvaluateConfig) -> Limits:
    """Most tokens that a run of a model writes for a benchmark at a budget, by these three.

    A hint has at most as many tokens as bytes; without a cap a run ends with the context.
    """
    return {
        (model, label, budget): _limit(config, model, label, budget)
        for model in config.models
        for label in config.answer_tokens
        for budget in config.budgets
    }


def lines(plan: Plan, config: EvaluateConfig) -> list[str]:
    """The plan for people."""
    problems = ", ".join(f"{name} {number:,}" for name, number in plan.num_problems.items())
    told = [
        f"evaluation of {plan.num_models} models on {problems}: {plan.num_traces:,} traces at a budget of "
        f"{_largest(config)}, from which {plan.num_answers:,} answers at {len(config.budgets)} budgets are taken",
        f"  at most:  {_told(plan.most)}",
    ]
    if plan.expected is not None and plan.shares is not None:
        told.append(f"  expected: {_told(plan.expected)} ({plan.shares.source})")
    else:
        told.append("  expected: not known; run a few problems and name them with --like, or state --share 0.5")
    if plan.tokens_per_second is None:
        told.append("  hours: not known; state what one engine generates, e.g. --tokens-per-second 2500")
    else:
        told.append(
            f"  at {plan.tokens_per_second:,.0f} tokens/s of each of {config.engine.replicas} engines; "
            "their starts are not counted"
        )
    return told


def _cost(
    config: EvaluateConfig, num_problems: Mapping[str, int], shares: Shares, tokens_per_second: float | None
) -> Cost:
    largest = _largest(config)
    branches, tokens, disk = 0.0, 0.0, 0.0
    for (_, label, budget), limit in limits(config).items():
        runs = num_problems[label] * config.samples
        written = limit * shares.trace
        disk += runs * (_ROW_BYTES + _COPIES * _TOKEN_BYTES * written)
        if budget == largest:
            tokens += runs * written
            disk += runs * _ID_BYTES * written
        else:
            branching = runs * shares.branches
            branches += branching
            tokens += branching * shares.branch * config.answer_tokens[label]
    return _timed(config, round(branches), round(tokens), round(disk), tokens_per_second)


def _timed(
    config: EvaluateConfig, num_branches: int, tokens: int, disk_bytes: int, tokens_per_second: float | None
) -> Cost:
    engine = config.engine
    hours = None if tokens_per_second is None else tokens / tokens_per_second / 3600
    gpus = engine.tensor_parallel_size if engine.device == "gpu" else 0
    return Cost(
        num_branches=num_branches,
        tokens=tokens,
        engine_hours=hours,
        gpu_hours=None if hours is None else hours * gpus,
        hours=None if hours is None else hours / engine.replicas,
        disk_bytes=disk_bytes,
    )


def _largest(config: EvaluateConfig) -> int:
    return max(config.budgets, key=size)


def _limit(config: EvaluateConfig, model: str, label: str, budget: int) -> int:
    if budget == NO_CAP:
        return context_length(config.models[model], config.engine.max_model_len)
    hint = len(config.window.hint_text(config.hints[label]).encode())
    return budget + int(budget * config.window.grace) + hint + config.answer_tokens[label]


def _told(cost: Cost) -> str:
    parts = [f"{cost.num_branches:,} branches", f"{cost.tokens:,} tokens"]
    if cost.engine_hours is not None and cost.gpu_hours is not None and cost.hours is not None:
        on_gpus = f", {cost.gpu_hours:,.2f} GPU-hours" if cost.gpu_hours else ""
        parts.append(f"{cost.engine_hours:,.2f} engine-hours{on_gpus}")
        parts.append(f"{cost.hours:,.2f} hours by the clock")
    return ", ".join([*parts, f"{cost.disk_bytes / 2**20:,.1f} MiB of disk"])
