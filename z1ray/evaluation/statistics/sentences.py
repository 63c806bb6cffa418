"""What was found, each in one plain sentence; and the few of them that tell most."""

from collections.abc import Iterable, Iterator, Sequence

from z1ray.evaluation.methods.names import WINDOW
from z1ray.evaluation.statistics.findings import Comparison, Findings
from z1ray.evaluation.statistics.lines import POOLED
from z1ray.evaluation.statistics.methods import MethodPoint
from z1ray.evaluation.statistics.needed import Saving
from z1ray.evaluation.statistics.paired import Difference
from z1ray.window import NO_CAP

_FEW = 8


def sentences(found: Findings) -> list[str]:
    """What each model gains from a larger budget, what one saves against another, methods against the window."""
    level = _level(found)
    return [
        *(gain_sentence(gain, level) for gain in found.gains),
        *(saving_sentence(saving, level) for saving in found.savings),
        *(method_sentence(point, level) for point in _largest(found.methods)),
    ]


def headlines(found: Findings) -> list[str]:
    """At most eight of the sentences: first those over all benchmarks, gains and savings in turn, largest first.

    A gain is large in accuracy, a saving in its share of tokens; methods against the window come last.
    """
    level = _level(found)
    gains = sorted(found.gains, key=lambda gain: (gain.benchmark != POOLED, -gain.result.difference))
    savings = sorted(found.savings, key=lambda saving: (saving.benchmark != POOLED, -saving.saved))
    methods = sorted(_largest(found.methods), key=lambda point: point.benchmark != POOLED)
    # Where there are several benchmarks, what holds over all of them comes before any single one.
    pooled = [[each for each in some if each.benchmark == POOLED] for some in (gains, savings, methods)]
    single = [[each for each in some if each.benchmark != POOLED] for some in (gains, savings, methods)]
    chosen = [*_in_turn(pooled[:2]), *pooled[2], *_in_turn(single[:2]), *single[2]]
    return [_sentence(each, level) for each in chosen[:_FEW]]


def gain_sentence(gain: Comparison, level: str) -> str:
    """From the smallest budget to the largest."""
    result = gain.result
    verb = "loses" if result.difference < 0 else "gains"
    return (
        f"{gain.benchmark}: {named(gain.model, gain.method)} {verb} {abs(result.difference):.3f} in accuracy from "
        f"{gain.accuracy:.3f} {budget_text(gain.budget)} to {gain.other_accuracy:.3f} "
        f"{budget_text(gain.other_budget)} ({level} {_ends(result)}; {tested(result)}, {result.test}, "
        f"{result.num_problems} problems)."
    )


def saving_sentence(saving: Saving, level: str) -> str:
    """At the highest accuracy that both models reach."""
    at_most, at_least = ("at most ", "at least ") if saving.at_least else ("", "")
    low = "no lower end" if saving.low is None else f"{100 * saving.low:.0f}"
    return (
        f"{saving.benchmark}: for an accuracy of {saving.accuracy:.3f}, the highest that both reach, "
        f"{named(saving.model, saving.method)} needs {at_most}{saving.tokens:.1f} thinking tokens and "
        f"{named(saving.other, saving.other_method)} {saving.other_tokens:.1f}: "
        f"{at_least}{100 * saving.saved:.0f} % saved ({level} {low} to {100 * saving.high:.0f} %); "
        f"of all generated tokens, {100 * saving.saved_generated:.0f} %."
    )


def method_sentence(point: MethodPoint, level: str) -> str:
    """Against the window at as many generated tokens."""
    result = point.at_tokens
    assert result is not None
    return (
        f"{point.benchmark}: {named(point.model, method_text(point))} reaches {point.accuracy:.3f} "
        f"{budget_text(point.budget)} with {point.generated_tokens:.1f} generated tokens, the window "
        f"{point.accuracy - result.difference:.3f} with as many (difference {result.difference:+.3f}, {level} "
        f"{_ends(result)}; {tested(result)}, {result.test})."
    )


def named(model: str, method: str) -> str:
    """A model, with how it was asked where that is not the window."""
    return model if method == WINDOW else f"{model} ({method})"


def method_text(point: MethodPoint) -> str:
    """A method, with its number of votes."""
    return point.method if point.num_votes == 1 else f"{point.method} of {point.num_votes}"


def budget_text(budget: int) -> str:
    """A thinking budget in words."""
    return "without a cap" if budget == NO_CAP else f"at a budget of {budget}"


def p_text(p_value: float) -> str:
    """A p-value as papers print it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def tested(result: Difference) -> str:
    """The adjusted p-value, with the number of tests it was adjusted for."""
    family = "" if result.num_tests == 1 else f" after Holm for {result.num_tests} tests"
    return p_text(result.p_adjusted) + family


def _sentence(found: Comparison | Saving | MethodPoint, level: str) -> str:
    if isinstance(found, Comparison):
        return gain_sentence(found, level)
    return saving_sentence(found, level) if isinstance(found, Saving) else method_sentence(found, level)


def _level(found: Findings) -> str:
    return f"{100 * found.confidence:.4g} % interval"


def _ends(result: Difference) -> str:
    return f"{result.low:+.3f} to {result.high:+.3f}"


def _in_turn(
    lists: Sequence[Sequence[Comparison | Saving | MethodPoint]],
) -> Iterator[Comparison | Saving | MethodPoint]:
    for place in range(max(map(len, lists), default=0)):
        yield from (some[place] for some in lists if place < len(some))


def _largest(points: Iterable[MethodPoint]) -> list[MethodPoint]:
    """Of each method the point with the most tokens at which the window can be compared with it."""
    largest: dict[tuple[str, str, str], MethodPoint] = {}
    for point in points:
        key = (point.benchmark, point.model, point.method)
        if point.at_tokens is not None and (
            key not in largest or point.generated_tokens > largest[key].generated_tokens
        ):
            largest[key] = point
    return list(largest.values())
