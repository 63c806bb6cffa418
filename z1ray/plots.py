"""Images that more than one stage draws, as PNG and SVG."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def loss_png(steps: Sequence[dict[str, Any]]) -> bytes:
    """Training loss per optimizer step.

    Args:
        steps: Lines of ``metrics.jsonl``, with ``step`` and ``loss``.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3), layout="constrained")
    axes = figure.subplots()
    axes.plot([line["step"] for line in steps], [line["loss"] for line in steps], linewidth=1)
    axes.set(xlabel="optimizer step", ylabel="loss per trained token")
    axes.grid(alpha=0.3)
    return png(figure)


def png(figure: "Figure") -> bytes:
    """A figure as the bytes of a PNG file."""
    return _saved(figure, "png")


def svg(figure: "Figure") -> bytes:
    """A figure as the bytes of an SVG file, its letters as outlines."""
    return _saved(figure, "svg")


def _saved(figure: "Figure", kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=130)
    return buffer.getvalue()
