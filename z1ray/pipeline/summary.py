"""The end of a run: the curve in short, what it shows in sentences, and where everything is."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from z1ray.pipeline.ablations_table import PAGE, Cells

_FILES = (
    *("curve.json", "findings.json", "curve.png", "curve.svg", "report.html", "answers.html"),
    *("ablations.json", PAGE),
)
_FEW = 4
"""Models whose curves fit on a screen."""


def print_summary(run: Path, ablations: Cells | None = None) -> None:
    """Print what there is of the run's results; nothing is there before evaluation.

    Args:
        run: The experiment's folder.
        ablations: The table of its variants, titles first; none or empty without any.
    """
    points = json.loads((run / "curve.json").read_text()) if (run / "curve.json").exists() else []
    few = len({point["model"] for point in points}) <= _FEW
    if points and few:
        _print(_curve(points), run.name)
    if ablations:
        _print(ablations, f"{run.name}: ablations, all benchmarks together")
    if few and (run / "findings.json").exists():
        print(*json.loads((run / "findings.json").read_text())["headlines"], sep="\n")
    for name in _FILES:
        if (run / name).exists():
            print(run / name)


def _curve(points: Sequence[dict[str, Any]]) -> Cells:
    titles = ["model", "benchmark", "budget", "mean thinking tokens", "accuracy", "interval", "cut"]
    cells = [
        [
            point["model"],
            point["benchmark"],
            str(point["thinking_budget"]),
            f"{point['mean_thinking_tokens']:.1f}",
            f"{point['accuracy']:.3f}",
            f"{point['accuracy_low']:.2f}-{point['accuracy_high']:.2f}",
            f"{100 * point['cut_ratio']:.0f} %",
        ]
        for point in points
    ]
    return [titles, *cells]


def _print(cells: Cells, title: str) -> None:
    from rich.console import Console
    from rich.table import Table

    titles, *rows = cells
    table = Table(*titles, title=title)
    for row in rows:
        table.add_row(*row)
    # A log file has no width of its own; the tables need this much.
    Console(width=None if sys.stdout.isatty() else 150).print(table)
