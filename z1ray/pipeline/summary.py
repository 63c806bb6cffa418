"""The end of a run: the curve in short, what it shows in sentences, and where everything is."""

import json
import sys
from pathlib import Path


def print_summary(run: Path) -> None:
    """Print what there is of the run's results; nothing is there before evaluation."""
    from rich.console import Console
    from rich.table import Table

    # A log file has no width of its own; the table needs this much.
    console = Console(width=None if sys.stdout.isatty() else 110)
    if (run / "curve.json").exists():
        table = Table(
            "model", "benchmark", "budget", "mean thinking tokens", "accuracy", "interval", "cut", title=run.name
        )
        for point in json.loads((run / "curve.json").read_text()):
            table.add_row(
                point["model"],
                point["benchmark"],
                str(point["thinking_budget"]),
                f"{point['mean_thinking_tokens']:.1f}",
                f"{point['accuracy']:.3f}",
                f"{point['accuracy_low']:.2f}-{point['accuracy_high']:.2f}",
                f"{100 * point['cut_ratio']:.0f} %",
            )
        console.print(table)
    if (run / "findings.json").exists():
        print(*json.loads((run / "findings.json").read_text())["sentences"], sep="\n")
    for name in ("curve.json", "findings.json", "curve.png", "curve.svg", "report.html", "answers.html"):
        if (run / name).exists():
            print(run / name)
