"""The curve and the training loss as PNG images."""

import io
from collections.abc import Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

from z1ray.evaluation.curve import Point

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    return _png(figure)


def loss_png(steps: Sequence[dict[str, Any]]) -> bytes:
    """Training loss per optimizer step.

    Args:
        steps: Lines of ``metrics.jsonl``, with ``step`` and ``loss``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([line["step"] for line in steps], [line["loss"] for line in steps], marker="o", markersize=3)
    axes.set(xlabel="optimizer step", ylabel="loss per trained token")
    axes.grid(alpha=0.3)
    return _png(figure)


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


def _png(figure: "Figure") -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()
