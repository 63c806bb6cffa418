"""The curve as a PNG image."""

from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING

from z1ray.evaluation.curve import Point
from z1ray.plots import png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^v"


def curve_png(points: Sequence[Point]) -> bytes:
    """One panel per benchmark, one line per model and method, intervals as bars."""
    from matplotlib.figure import Figure

    benchmarks = sorted({point.benchmark for point in points})
    figure = Figure(figsize=(4.2 * len(benchmarks), 3.6), layout="constrained")
    panels = figure.subplots(1, len(benchmarks), squeeze=False, sharey=True)[0]
    for panel, benchmark in zip(panels, benchmarks, strict=True):
        _panel(panel, benchmark, [point for point in points if point.benchmark == benchmark])
    panels[0].set_ylabel("accuracy")
    panels[0].legend(fontsize="small")
    return png(figure)


def _panel(panel: "Axes", benchmark: str, points: Sequence[Point]) -> None:
    lines = sorted({(point.model, point.method) for point in points})
    for (model, method), marker in zip(lines, cycle(_MARKERS), strict=False):
        chosen = [point for point in points if (point.model, point.method) == (model, method)]
        below = [point.accuracy - point.accuracy_low for point in chosen]
        above = [point.accuracy_high - point.accuracy for point in chosen]
        panel.errorbar(
            [point.mean_thinking_tokens for point in chosen],
            [point.accuracy for point in chosen],
            yerr=[[max(0.0, low) for low in below], [max(0.0, high) for high in above]],
            marker=marker,
            capsize=2,
            label=model,
        )
    panel.set(title=benchmark, xlabel="mean thinking tokens", ylim=(-0.02, 1.02))
    panel.grid(alpha=0.3)
