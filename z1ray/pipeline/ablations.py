"""What an experiment's variants came to, against its own model: ``ablations.json``."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from z1ray import artifacts
from z1ray.config import ExperimentConfig
from z1ray.evaluation.methods.names import UNCAPPED
from z1ray.evaluation.statistics.lines import Line, lines, pooled, weights
from z1ray.evaluation.statistics.paired import Difference, compare
from z1ray.records import Row
from z1ray.window import NO_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A model at one budget of one benchmark; ``difference`` is its accuracy minus another's, see ``Measured``."""

    budget: int
    accuracy: float
    mean_thinking_tokens: float
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A model on one benchmark by one method, or on all benchmarks pooled.

    Attributes:
        benchmark, method: What was run.
        points: From the smallest budget to the largest; no cap comes last. Differences are to the experiment's own
            model at the same budget.
        mean_accuracy: Over the budgets that are caps, each with the same weight.
        mean_difference: Of the mean accuracy, to the experiment's own model.
        uncapped: The same model without a cap, in this method or in that of no cap; the difference is to the
            largest budget. None without both.
    """

    benchmark: str
    method: str
    points: list[Point]
    mean_accuracy: float
    mean_difference: Difference | None
    uncapped: Point | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """One evaluated model and what it was made of.

    Attributes:
        model: Its name in the evaluation.
        changes: The words in which a variant differs; none for the experiment's own model and others.
        num_examples, num_tokens, num_steps: Examples kept, their response tokens, and optimizer steps; None for
            a model that this experiment did not train.
        token_budget: Tokens that its selection was allowed; None without a limit.
        results: By benchmark and method; all benchmarks pooled first.
    """

    model: str
    changes: list[str]
    num_examples: int | None
    num_tokens: int | None
    num_steps: int | None
    token_budget: int | None
    results: list[Measured]


def own_model(config: ExperimentConfig) -> str | None:
    """The name under which the experiment's own checkpoint is evaluated, if it is."""
    own = config.output / "checkpoint" / "model"
    return next((name for name, path in config.evaluate.models.items() if Path(path) == own), None)


def ablations(config: ExperimentConfig, rows: Iterable[Row]) -> list[Ablation]:
    """All evaluated models, the experiment's own first.

    Args:
        config: The experiment.
        rows: Graded rows of ``EVALUATION_ROW``.
    """
    parts = lines(rows)
    every = [*pooled(parts), *parts]
    own = own_model(config)
    evaluated = {line.model for line in every}
    names = sorted((name for name in config.evaluate.models if name in evaluated), key=lambda name: name != own)
    return [
        Ablation(
            model=name,
            changes=config.variants.get(name) or [],
            **_made_of(config, name, own),
            results=[_measured(line, every, own, config.evaluate.confidence) for line in every if line.model == name],
        )
        for name in names
    ]


def as_json(found: Sequence[Ablation], own: str | None) -> dict[str, Any]:
    """The object of ``ablations.json``."""
    return {"compared_with": own, "ablations": [asdict(each) for each in found]}


def _made_of(config: ExperimentConfig, name: str, own: str | None) -> dict[str, int | None]:
    if name != own and name not in config.variants:
        return dict.fromkeys(("num_examples", "num_tokens", "num_steps", "token_budget"))
    folder = config.output if name == own else config.folder_of(name)
    dataset, checkpoint = (artifacts.manifest(folder / part) for part in ("dataset", "checkpoint"))
    return {
        "num_examples": dataset["num_kept"],
        "num_tokens": dataset["num_tokens"],
        "num_steps": checkpoint["num_steps"],
        "token_budget": artifacts.begun_settings(folder / "dataset")["token_budget"],
    }


def _measured(line: Line, every: Sequence[Line], own: str | None, confidence: float) -> Measured:
    caps = [number for number, budget in enumerate(line.budgets) if budget != NO_CAP]
    averaged = caps or list(range(len(line.budgets)))
    other = None if line.model == own else _line(every, line.benchmark, line.method, own)
    points = [
        _point(line, number, None if other is None else _compare(other, [number], line, [number], confidence))
        for number in range(len(line.budgets))
    ]
    free = next((each for each in (line, _line(every, line.benchmark, UNCAPPED, line.model)) if _is_free(each)), None)
    return Measured(
        benchmark=line.benchmark,
        method=line.method,
        points=points,
        mean_accuracy=float(np.mean([points[number].accuracy for number in averaged])),
        mean_difference=None if other is None else _compare(other, averaged, line, averaged, confidence),
        uncapped=_point(free, -1, _compare(line, caps[-1:], free, [-1], confidence)) if free and caps else None,
    )


def _line(every: Sequence[Line], benchmark: str, method: str, model: str | None) -> Line | None:
    wanted = (benchmark, method, model)
    return next((line for line in every if (line.benchmark, line.method, line.model) == wanted), None)


def _is_free(line: Line | None) -> bool:
    """Whether its last budget is no cap."""
    return line is not None and line.budgets[-1] == NO_CAP


def _point(line: Line, number: int, difference: Difference | None) -> Point:
    weight = weights(line.strata)
    return Point(
        budget=line.budgets[number],
        accuracy=float(weight @ line.correct[number].mean(axis=1)),
        mean_thinking_tokens=float(weight @ line.thinking[number].mean(axis=1)),
        difference=difference,
    )


def _compare(first: Line, numbers: Sequence[int], second: Line, others: Sequence[int], confidence: float) -> Difference:
    """The second's accuracy minus the first's; several budgets count as so many answers to each problem."""
    before, after = np.concatenate(first.correct[numbers], axis=1), np.concatenate(second.correct[others], axis=1)
    return compare(before, after, first.strata, confidence)
