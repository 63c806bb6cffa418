"""The curve as an image: against mean thinking tokens, the paper's axis, and against all tokens generated."""

from collections.abc import Callable, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from z1ray.evaluation.answers_page import link
from z1ray.evaluation.axis import scale
from z1ray.evaluation.curve import Point
from z1ray.evaluation.published import published

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^v"
_AXES: dict[str, tuple[str, Callable[[Point], float]]] = {
    "thinking": ("mean thinking tokens", lambda point: point.mean_thinking_tokens),
    # Of one answer to each problem, so that methods with several samples compare with those of one.
    "generated": ("total generated tokens", lambda point: point.mean_generated_tokens * point.num_problems),
}
_PAPERS = "thinking"


def curve_figure(points: Sequence[Point], links: Sequence[str] | None = None) -> "Figure":
    """A column per benchmark, a row per axis, a line per model and method, intervals as bars.

    A row is logarithmic where what is drawn in one of its panels spans about a decade or more; a point at 0 then
    stands at the left end, set off from the others. Where the paper's figure shows the benchmark, its points lie
    under the first row. As SVG, a click on a point leads to its answers.

    Args:
        points: The points.
        links: Where the answers of each are; in the page beside the figure if not given.
    """
    from matplotlib.figure import Figure

    links = [link(number) for number in range(len(points))] if links is None else links
    benchmarks = sorted({point.benchmark for point in points})
    figure = Figure(figsize=(max(5.0, 3.4 * len(benchmarks)), 3.4 * len(_AXES)), layout="constrained")
    rows = figure.subplots(len(_AXES), len(benchmarks), squeeze=False, sharey=True)
    for panels, axis in zip(rows, _AXES, strict=True):
        for panel, benchmark in zip(panels, benchmarks, strict=True):
            _panel(panel, axis, [point for point in points if point.benchmark == benchmark])
            _link(panel, axis, [each for each in zip(points, links, strict=True) if each[0].benchmark == benchmark])
        panels[0].set_ylabel("accuracy")
    for panel, benchmark in zip(rows[0], benchmarks, strict=True):
        panel.set_title(benchmark)
        _draw_published(panel, benchmark)
    for panels, axis in zip(rows, _AXES, strict=True):
        drawn = [_values(axis, benchmark, points) for benchmark in benchmarks]
        scale(list(panels), drawn)
    _legend(figure, rows[0])
    return figure


def _values(axis: str, benchmark: str, points: Sequence[Point]) -> list[float]:
    """Where a panel has points, the paper's included."""
    own = [_AXES[axis][1](point) for point in points if point.benchmark == benchmark]
    shown = published(benchmark).values() if axis == _PAPERS else []
    return own + [tokens for curve in shown for tokens, _ in curve]


def _panel(panel: "Axes", axis: str, points: Sequence[Point]) -> None:
    lines = sorted({(point.model, point.method) for point in points})
    several = len({method for _, method in lines}) > 1
    for (model, method), marker in zip(lines, cycle(_MARKERS), strict=False):
        chosen = [point for point in points if (point.model, point.method) == (model, method)]
        below = [point.accuracy - point.accuracy_low for point in chosen]
        above = [point.accuracy_high - point.accuracy for point in chosen]
        panel.errorbar(
            [_AXES[axis][1](point) for point in chosen],
            [point.accuracy for point in chosen],
            yerr=[[max(0.0, low) for low in below], [max(0.0, high) for high in above]],
            marker=marker,
            capsize=2,
            label=f"{model}, {method}" if several else model,
        )
    panel.set(xlabel=_AXES[axis][0], ylim=(-0.02, 1.02))
    panel.grid(alpha=0.3)


def _link(panel: "Axes", axis: str, linked: Sequence[tuple[Point, str]]) -> None:
    """Lay over each point a disc that is all but invisible, since only what is drawn can be clicked."""
    discs = panel.scatter(
        [_AXES[axis][1](point) for point, _ in linked],
        [point.accuracy for point, _ in linked],
        s=120,
        alpha=0.01,
        zorder=5,
    )
    discs.set_urls([target for _, target in linked])


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
