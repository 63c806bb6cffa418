"""The findings that matter most, each in one plain sentence."""

from z1ray.evaluation.statistics.findings import Comparison, Findings
from z1ray.evaluation.statistics.needed import Saving
from z1ray.window import NO_CAP


def sentences(found: Findings) -> list[str]:
    """What each model gains from a larger budget, then what one model saves against another."""
    level = f"{100 * found.confidence:.4g} % interval"
    return [
        *(gain_sentence(gain, level) for gain in found.gains),
        *(saving_sentence(saving, level) for saving in found.savings),
    ]


def gain_sentence(gain: Comparison, level: str) -> str:
    """From the smallest budget to the largest."""
    result = gain.result
    verb = "loses" if result.difference < 0 else "gains"
    return (
        f"{gain.benchmark}: {gain.model} {verb} {abs(result.difference):.3f} in accuracy from {gain.accuracy:.3f} "
        f"{budget_text(gain.budget)} to {gain.other_accuracy:.3f} {budget_text(gain.other_budget)} "
        f"({level} {result.low:+.3f} to {result.high:+.3f}; {p_text(result.p_value)}, {result.test}, "
        f"{result.num_problems} problems)."
    )


def saving_sentence(saving: Saving, level: str) -> str:
    """At the highest accuracy that both models reach."""
    at_most, at_least = ("at most ", "at least ") if saving.at_least else ("", "")
    low = "no lower end" if saving.low is None else f"{100 * saving.low:.0f}"
    return (
        f"{saving.benchmark}: for an accuracy of {saving.accuracy:.3f}, the highest that both reach, {saving.model} "
        f"needs {at_most}{saving.tokens:.1f} thinking tokens and {saving.other} {saving.other_tokens:.1f}: "
        f"{at_least}{100 * saving.saved:.0f} % saved ({level} {low} to {100 * saving.high:.0f} %); "
        f"of all generated tokens, {100 * saving.saved_generated:.0f} %."
    )


def budget_text(budget: int) -> str:
    """A thinking budget in words."""
    return "without a cap" if budget == NO_CAP else f"at a budget of {budget}"


def p_text(p_value: float) -> str:
    """A p-value as papers print it."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
