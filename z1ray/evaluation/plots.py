"""The curve as an image: against mean thinking tokens, the paper's axis, and against all tokens generated."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from z1ray.evaluation.answers_page import link
from z1ray.evaluation.curve import Point
from z1ray.evaluation.published import published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^v"
_AXES = {
    "mean_thinking_tokens": "mean thinking tokens",
    "total_generated_tokens": "total generated tokens (thinking, hint, answer)",
}
_DECADE = 10


def curve_figure(points: Sequence[Point]) -> "Figure":
    """A column per benchmark, a row per axis, a line per model and method, intervals as bars.

    An axis is logarithmic where the budgets that are a number span a decade or more. Where the paper's figure
    shows the benchmark, its points lie under the first row. As SVG, a click on a point leads to its answers.
    """
    from matplotlib.figure import Figure

    benchmarks = sorted({point.benchmark for point in points})
    figure = Figure(figsize=(max(5.0, 4.2 * len(benchmarks)), 3.4 * len(_AXES)), layout="constrained")
    rows = figure.subplots(len(_AXES), len(benchmarks), squeeze=False, sharey=True)
    for panels, axis in zip(rows, _AXES, strict=True):
        for panel, benchmark in zip(panels, benchmarks, strict=True):
            _panel(panel, axis, [point for point in points if point.benchmark == benchmark])
            _link(panel, axis, benchmark, points)
        panels[0].set_ylabel("accuracy")
    for panel, benchmark in zip(rows[0], benchmarks, strict=True):
        panel.set_title(benchmark)
        _draw_published(panel, benchmark)
    _legend(figure, rows[0])
    return figure


def spans_a_decade(points: Sequence[Point], axis: str) -> bool:
    """Whether points are better told apart on a logarithmic axis, and can be drawn on one."""
    budgets = [point.thinking_budget for point in points if point.thinking_budget > 0]
    drawable = all(getattr(point, axis) > 0 for point in points)
    return drawable and len(budgets) > 1 and max(budgets) >= _DECADE * min(budgets)


def _panel(panel: "Axes", axis: str, points: Sequence[Point]) -> None:
    lines = sorted({(point.model, point.method) for point in points})
    several = len({method for _, method in lines}) > 1
    for (model, method), marker in zip(lines, cycle(_MARKERS), strict=False):
        chosen = [point for point in points if (point.model, point.method) == (model, method)]
        below = [point.accuracy - point.accuracy_low for point in chosen]
        above = [point.accuracy_high - point.accuracy for point in chosen]
        panel.errorbar(
            [getattr(point, axis) for point in chosen],
            [point.accuracy for point in chosen],
            yerr=[[max(0.0, low) for low in below], [max(0.0, high) for high in above]],
            marker=marker,
            capsize=2,
            label=f"{model}, {method}" if several else model,
        )
    if spans_a_decade(points, axis):
        _logarithmic(panel)
    panel.set(xlabel=_AXES[axis], ylim=(-0.02, 1.02))
    panel.grid(alpha=0.3)


def _link(panel: "Axes", axis: str, benchmark: str, points: Sequence[Point]) -> None:
    """Lay over each point a disc that is all but invisible, since only what is drawn can be clicked."""
    own = [(number, point) for number, point in enumerate(points) if point.benchmark == benchmark]
    discs = panel.scatter(
        [getattr(point, axis) for _, point in own], [point.accuracy for _, point in own], s=120, alpha=0.01, zorder=5
    )
    discs.set_urls([link(number) for number, _ in own])


def _logarithmic(panel: "Axes") -> None:
    """Ticks at 1, 2 and 5 times each power of ten, as plain numbers."""
    from matplotlib.ticker import LogLocator, NullFormatter

    panel.set_xscale("log")
    panel.xaxis.set_major_locator(LogLocator(subs=[1, 2, 5]))
    panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    panel.xaxis.set_minor_formatter(NullFormatter())
    panel.tick_params(axis="x", labelsize="small")


def _legend(figure: "Figure", panels: Sequence["Axes"]) -> None:
    """One for all panels, below them: no corner of a panel is free for certain."""
    shown = {}
    for panel in panels:
        handles, labels = panel.get_legend_handles_labels()
        shown.update(dict(zip(labels, handles, strict=True)))
    figure.legend(list(shown.values()), list(shown), loc="outside lower center", fontsize="small", ncols=2)


def _draw_published(panel: "Axes", benchmark: str) -> None:
    for (model, points), marker in zip(published(benchmark).items(), _MARKERS, strict=False):
        panel.plot(
            [tokens for tokens, _ in points],
            [percent / 100 for _, percent in points],
            marker=marker,
            linestyle=":",
            color="0.6",
            markerfacecolor="none",
            zorder=1,
            label=f"{model} (read off the paper's figure)",
        )
