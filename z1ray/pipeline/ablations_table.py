"""The table of an experiment's variants: printed at the end of a run, and ``ablations.md`` in its folder."""

from collections.abc import Sequence

from z1ray import artifacts
from z1ray.config import ExperimentConfig
from z1ray.evaluation.statistics.paired import Difference
from z1ray.evaluation.statistics.sentences import p_text
from z1ray.files import write_json, write_text
from z1ray.pipeline.ablations import Ablation, Measured, Point, ablations, as_json, own_model
from z1ray.records import read_rows
from z1ray.window import NO_CAP

PAGE = "ablations.md"
Cells = list[list[str]]


def write_ablations(config: ExperimentConfig) -> Cells:
    """Write ``ablations.json`` and ``ablations.md``, if the experiment has variants and is evaluated.

    Returns:
        The first table of the page; empty if there is none.
    """
    evaluation = config.output / "evaluation"
    if not config.variants or not (evaluation / artifacts.MANIFEST).exists():
        return []
    found = ablations(config, read_rows(evaluation / "rows.parquet"))
    own = own_model(config)
    write_json(config.output / "ablations.json", as_json(found, own))
    missing = sorted(set(config.variants) - {each.model for each in found})
    write_text(config.output / PAGE, page(config.name, found, own, missing))
    return table(found, *_measurements(found)[0])


def page(name: str, found: Sequence[Ablation], own: str | None, missing: Sequence[str]) -> str:
    """The page as Markdown: one table for all benchmarks together, one for each, and one of the window.

    Args:
        name: The experiment's.
        found: Its evaluated models.
        own: The model that the others are compared with.
        missing: Variants that were not evaluated.
    """
    parts = [f"# Ablations of {name}"]
    if own is not None:
        num = sum(each.model != own for each in found)
        parts.append(
            f"Differences are in accuracy, to {own} on the same problems. p is two-sided and paired, and not adjusted "
            f"for the {num} comparisons of a column."
        )
    if missing:
        parts.append(f"Not evaluated, since there is no checkpoint for the present settings: {', '.join(missing)}.")
    for benchmark, method in _measurements(found):
        parts += [f"## {benchmark}, {method}", _markdown(table(found, benchmark, method))]
        if any(each.uncapped for each in _of(found, benchmark, method).values()):
            parts += ["With and without a cap:", _markdown(cap_table(found, benchmark, method))]
    changed = [["variant", "what differs"], *([each.model, _code(each.changes)] for each in found if each.changes)]
    return "\n\n".join([*parts, "## Variants", _markdown(changed)]) + "\n"


def table(found: Sequence[Ablation], benchmark: str, method: str) -> Cells:
    """What each model was made of and how it did on one benchmark; the first row holds the titles."""
    results = _of(found, benchmark, method)
    budgets = [point.budget for point in next(iter(results.values())).points]
    large = str(_largest(next(iter(results.values()))).budget)
    titles = ["model", "examples", "tokens", "steps", *(_accuracy(budget) for budget in budgets), "mean"]
    titles += [f"thinking at {large}", f"difference at {large}", "difference of the mean"]
    return [titles, *(_row(each, results[each.model]) for each in found if each.model in results)]


def cap_table(found: Sequence[Ablation], benchmark: str, method: str) -> Cells:
    """Each model at the largest budget and without a cap."""
    titles = ["model", "budget", "accuracy", "thinking", "accuracy without a cap", "thinking", "difference"]
    cells = [titles]
    for model, measured in _of(found, benchmark, method).items():
        if measured.uncapped is not None:
            pair = (_largest(measured), measured.uncapped)
            told = [text for point in pair for text in (_share(point.accuracy), _thinking(point))]
            cells.append([model, str(pair[0].budget), *told, _difference(measured.uncapped.difference)])
    return cells


def _measurements(found: Sequence[Ablation]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((each.benchmark, each.method) for one in found for each in one.results))


def _of(found: Sequence[Ablation], benchmark: str, method: str) -> dict[str, Measured]:
    return {
        one.model: each for one in found for each in one.results if (each.benchmark, each.method) == (benchmark, method)
    }


def _row(one: Ablation, measured: Measured) -> list[str]:
    large = _largest(measured)
    return [
        one.model,
        _count(one.num_examples),
        _count(one.num_tokens) + (f" of {one.token_budget:,}" if one.token_budget is not None else ""),
        _count(one.num_steps),
        *(_share(point.accuracy) for point in measured.points),
        _share(measured.mean_accuracy),
        _thinking(large),
        _difference(large.difference),
        _difference(measured.mean_difference),
    ]


def _largest(measured: Measured) -> Point:
    """The point of the largest budget; the only one there is where nothing was capped."""
    return next((point for point in reversed(measured.points) if point.budget != NO_CAP), measured.points[-1])


def _accuracy(budget: int) -> str:
    return "no cap" if budget == NO_CAP else f"at {budget}"


def _share(value: float) -> str:
    return f"{value:.3f}"


def _thinking(point: Point) -> str:
    return f"{point.mean_thinking_tokens:.1f}"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _difference(found: Difference | None) -> str:
    return "" if found is None else f"{found.difference:+.3f} ({p_text(found.p_value)})"


def _code(words: Sequence[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _markdown(cells: Cells) -> str:
    head, *rows = cells
    ruled = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ruled)
