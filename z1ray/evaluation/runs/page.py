"""Several finished runs on one page: what ``jobs/compare.py`` writes."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from z1ray.errors import UserError
from z1ray.evaluation.answers_page import link
from z1ray.evaluation.curve import as_json
from z1ray.evaluation.plots import curve_figure
from z1ray.evaluation.runs.compare import Compared, compare_runs
from z1ray.evaluation.runs.read import Run, differences, read_runs
from z1ray.evaluation.statistics.sentences import budget_text, p_text
from z1ray.files import write_text, writing
from z1ray.plots import svg
from z1ray.progress import say


def add_arguments(made: argparse.ArgumentParser) -> None:
    """What ``jobs/compare.py`` takes beside what all launchers take."""
    made.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a finished run's folder, e.g. runs/miniature")
    made.add_argument("--output", type=Path, required=True, metavar="FILE", help="the page, e.g. runs/compared.html")
    made.add_argument("--confidence", type=float, default=0.95, metavar="C", help="level of intervals (default 0.95)")


def write_comparison(folders: Sequence[Path], output: Path, confidence: float) -> dict[str, Any]:
    """Compare finished runs and write the page.

    Args:
        folders: The runs' folders.
        output: The page; its folder is made if missing.
        confidence: Level of all intervals.

    Returns:
        What the page holds, as plain data.

    Raises:
        UserError: For a folder that is no finished run, a page that is a folder, or a level outside 0 and 1.
    """
    if not 0 < confidence < 1:
        raise UserError("--confidence", confidence, "it is a level between 0 and 1", "use e.g. 0.95")
    if output.is_dir():
        raise UserError("--output", str(output), "it is a folder", "name a file in it, e.g. compared.html")
    runs = read_runs(folders)
    compared, changed = compare_runs(runs, confidence), differences(runs)
    with writing(output.parent):
        write_text(output, _render(runs, compared, changed, output, confidence))
    say(f"{output}: {len(runs)} runs, {len(compared.points)} points, {len(compared.models)} paired comparisons")
    return {
        "page": str(output),
        "runs": {run.name: str(run.folder) for run in runs},
        "curve": as_json(compared.points),
        "models": [asdict(each) for each in compared.models],
        "savings": [asdict(each) for each in compared.savings],
        "settings": {key: dict(zip((run.name for run in runs), some, strict=True)) for key, some in changed.items()},
    }


def _render(
    runs: Sequence[Run], compared: Compared, changed: dict[str, list[Any]], output: Path, confidence: float
) -> str:
    from jinja2 import Environment
    from markupsafe import Markup

    template = files("z1ray.evaluation.runs").joinpath("page.html.j2").read_text()
    folders = [_relative(run.folder, output) for run in runs]
    links = [f"{folders[run]}/{link(place)}" for run, place in compared.homes]
    image = svg(curve_figure(compared.points, links))
    return (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            runs=list(zip(runs, folders, strict=True)),
            compared=compared,
            links=links,
            changed=changed,
            level=f"{100 * confidence:.4g} %",
            budget_text=budget_text,
            p_text=p_text,
            several=len({point.method for point in compared.points}) > 1,
            curve_svg=Markup(image[image.index(b"<svg") :].decode()),
        )
    )


def _relative(folder: Path, output: Path) -> str:
    """The way from the page to a run, as an address: both may be moved together."""
    return quote(Path(os.path.relpath(folder, output.resolve().parent)).as_posix())
