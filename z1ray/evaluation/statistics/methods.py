"""Methods of spending tokens against the window: at each budget, and at as many generated tokens."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from z1ray.evaluation.methods.names import MAJORITY, UNCAPPED, WINDOW
from z1ray.evaluation.statistics.holm import adjust
from z1ray.evaluation.statistics.interval import Array, accuracy_interval
from z1ray.evaluation.statistics.lines import Line, pooled, weights
from z1ray.evaluation.statistics.majority import majority, votes_that_fit
from z1ray.evaluation.statistics.needed import curves, height
from z1ray.evaluation.statistics.paired import BOOTSTRAP, Difference, bootstrap_p, compare, draws, percentiles
from z1ray.evaluation.statistics.samples import powers_up_to
from z1ray.window import NO_CAP


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodPoint:
    """What one method reaches at one budget.

    Attributes:
        benchmark, model, method: Whose.
        budget: Thinking budget; of a majority vote that of the window's point whose tokens its samples may
            spend together, or -1 for a vote of 2, 4, 8 ... samples and of all.
        num_votes: Samples that vote; 1 where none do.
        accuracy, low, high: Mean over problems and its interval.
        thinking_tokens, generated_tokens: Mean per problem, of all samples that vote together.
        at_budget: This accuracy minus the window's at the same budget; None where the window was not asked.
        at_tokens: This accuracy minus the window's at as many generated tokens, read off its curve between
            its points; None outside of them.
    """

    benchmark: str
    model: str
    method: str
    budget: int
    num_votes: int
    accuracy: float
    low: float
    high: float
    thinking_tokens: float
    generated_tokens: float
    at_budget: Difference | None
    at_tokens: Difference | None


def method_points(parts: Sequence[Line], confidence: float) -> list[MethodPoint]:
    """The table of methods, per benchmark and pooled, of the models that were asked by several.

    P-values are adjusted among the budgets of one method, model and benchmark.

    Args:
        parts: Lines of single benchmarks.
        confidence: Level of the intervals.
    """
    groups: dict[tuple[str, str], list[Line]] = {}
    for line in (*parts, *pooled(parts)):
        groups.setdefault((line.benchmark, line.model), []).append(line)
    found = [point for group in groups.values() for point in _group(group, confidence)]
    for name in ("at_budget", "at_tokens"):
        found = adjust(found, name, lambda point: (point.benchmark, point.model, point.method))
    return found


def _group(group: Sequence[Line], confidence: float) -> Iterator[MethodPoint]:
    """One model's methods on one benchmark, the window first; nothing if there is only one."""
    window = next((line for line in group if line.method == WINDOW), None)
    ordered = sorted(group, key=lambda line: (line.method != WINDOW, line.method))
    # Votes that were asked for as a method of their own are lines already.
    asked = any(line.method == MAJORITY for line in group)
    votes = [] if asked else [vote for line in group for vote in _votes(line, window)]
    if len(ordered) + len(votes) < 2:
        return
    for line in ordered:
        for number, budget in enumerate(line.budgets):
            yield _point(line, number, budget, 1, window, confidence)
    for line, budget, num_votes in votes:
        yield _point(line, 0, budget, num_votes, window, confidence)


def _votes(line: Line, window: Line | None) -> Iterator[tuple[Line, int, int]]:
    """Majority lines, with the budget whose tokens they may spend and the number of votes."""
    if line.method != UNCAPPED or line.num_samples == 1 or len(line.strata) > 1:
        return
    fitting = [] if window is None else list(zip(window.budgets, window.generated.mean(axis=(1, 2)), strict=True))
    wanted = [(budget, votes_that_fit(tokens, line)) for budget, tokens in fitting if budget != NO_CAP]
    wanted += [(NO_CAP, num) for num in powers_up_to(line.num_samples) if num > 1]
    for budget, num_votes in wanted:
        # Of no sample there is no vote, and that of one is the sample.
        voted = majority(line, num_votes) if num_votes > 1 else None
        if voted is not None:
            yield voted, budget, num_votes


def _point(line: Line, number: int, budget: int, num_votes: int, window: Line | None, confidence: float) -> MethodPoint:
    weight, correct = weights(line.strata), line.correct[number]
    compared = None if line is window else window
    assert compared is None or compared.problems == line.problems, "methods were asked different problems"
    accuracy = float(weight @ correct.mean(axis=1))
    low, high = _interval(correct, line.strata, confidence)
    return MethodPoint(
        benchmark=line.benchmark,
        model=line.model,
        method=line.method,
        budget=budget,
        num_votes=num_votes,
        accuracy=accuracy,
        low=low,
        high=high,
        thinking_tokens=float(weight @ line.thinking[number].mean(axis=1)),
        generated_tokens=float(weight @ line.generated[number].mean(axis=1)),
        at_budget=None if compared is None else _at_budget(compared, budget, correct, confidence),
        at_tokens=None if compared is None else at_equal_tokens(compared, correct, line.generated[number], confidence),
    )


def _interval(correct: Array, strata: tuple[int, ...], confidence: float) -> tuple[float, float]:
    if len(strata) == 1:
        return accuracy_interval(correct, confidence)
    return percentiles(draws(strata) @ correct.mean(axis=1), confidence)


def _at_budget(window: Line, budget: int, correct: Array, confidence: float) -> Difference | None:
    if budget not in window.budgets:
        return None
    return compare(window.correct[window.budgets.index(budget)], correct, window.strata, confidence)


def at_equal_tokens(window: Line, correct: Array, generated: Array, confidence: float) -> Difference | None:
    """An accuracy minus that of the window's curve where it spends as many generated tokens.

    The curve is linear between its points. Problems are drawn anew together with both sets of answers, so
    curve, accuracy and tokens all vary. None where the window never spends so few or so many tokens.

    Args:
        window: The curve.
        correct: 0 or 1 for each answer compared with it, of shape (problems, samples).
        generated: Their generated tokens, of the same shape.
        confidence: Level of the interval.
    """
    (tokens, accuracy), (drawn_tokens, drawn_accuracy) = curves(window, "generated")
    own, drawn = weights(window.strata)[None], draws(window.strata)
    values, spent = correct.mean(axis=1), generated.mean(axis=1)
    if not tokens.min() <= (own @ spent).item() <= tokens.max():
        return None
    estimate = (own @ values - height(tokens, accuracy, own @ spent)).item()
    replicates = drawn @ values - height(drawn_tokens, drawn_accuracy, drawn @ spent)
    low, high = percentiles(replicates, confidence)
    p_value = bootstrap_p(estimate, replicates, len(values))
    return Difference(
        difference=estimate,
        low=low,
        high=high,
        p_value=p_value,
        test=BOOTSTRAP,
        num_problems=len(values),
        p_adjusted=p_value,
        num_tests=1,
    )
