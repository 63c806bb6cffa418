"""A run of generation on one self-contained page: its figures, length histograms and some trajectories.

The page has no script and asks no server; texts and names are escaped, whatever a model wrote.
Of a run that is still going on it shows what the manifest would say by now.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from z1ray.artifacts import MANIFEST
from z1ray.errors import UserError
from z1ray.files import write_text
from z1ray.records import Row
from z1ray.settings import build
from z1ray.terminal import printable
from z1ray.trajectories.config import GenerateConfig
from z1ray.trajectories.view.manifest import summarize
from z1ray.trajectories.view.pick import Query, scan
from z1ray.trajectories.view.text import sampling_text, token_counts

PAGE = "report.html"
_SECTIONS = {
    "longest": ("The longest", Query(order="longest", num=3, failed=False)),
    "shortest": ("The shortest", Query(order="shortest", num=3, failed=False)),
    "random": ("Some at random", Query(num=6, failed=False)),
    "failed": ("Some of the quarantined", Query(num=10, failed=True)),
}
_QUANTILES = ("p50", "p90", "p99", "max")
_COLUMNS = ("trajectories", "quarantined", "finish reasons", "prompt tokens", "output tokens", *_QUANTILES)
_FIRST = ("num_trajectories", "num_quarantined", "num_prompt_tokens", "num_tokens")
_WIDTH, _HEIGHT = 720, 140  # of a histogram's plot, in the template's units
_NUM_TICKS = 9


def write_page(output: Path) -> Path:
    """Write ``report.html`` of a run, finished or still going on.

    Args:
        output: The stage's folder.

    Returns:
        The page's path.

    Raises:
        UserError: If the folder has no trajectories.
    """
    from jinja2 import Environment

    template = files("z1ray.trajectories.view").joinpath("page.html.j2").read_text()
    # What is finalised is still escaped; control characters and marks that reorder text are spelled out first.
    environment = Environment(autoescape=True, finalize=lambda value: printable(value) if type(value) is str else value)
    page = output / PAGE
    write_text(page, environment.from_string(template).render(_run_view(output)))
    return page


def _run_view(output: Path) -> dict[str, Any]:
    sections = _sections(output)
    config = output / "config.yaml"
    if not config.exists():
        remedy = "give the folder that jobs/generate.py wrote"
        raise UserError("folder", str(output), "no run began in it: there is no config.yaml", remedy)
    manifest = _manifest(output, config)
    versions = manifest.get("versions", {})
    return {
        "name": "/".join(output.resolve().parts[-2:]),
        "state": f"z1ray {manifest['code']} · {manifest['finished']}" if "finished" in manifest else "not finished",
        "facts": _facts({name: manifest[name] for name in _FIRST} | manifest["cost"] | manifest),
        "columns": _COLUMNS,
        "modes": _modes(manifest["modes"], manifest["histogram_edges"]),
        "reasons": Counter(manifest["quarantined"]).most_common(),
        "sections": sections,
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "config": config.read_text(),
    }


def _manifest(output: Path, config: Path) -> dict[str, Any]:
    """The run's manifest, or what ``summarize`` can say of the rows so far."""
    if (output / MANIFEST).exists():
        return dict(json.loads((output / MANIFEST).read_text()))
    from omegaconf import OmegaConf

    return summarize(output, build(GenerateConfig, OmegaConf.load(config)))


def _facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The manifest's numbers, by its own names."""
    return [
        (name.removeprefix("num_").replace("_", " "), f"{value:,}")
        for name, value in manifest.items()
        if isinstance(value, int | float)
    ]


def _modes(modes: Mapping[str, Any], edges: Sequence[int]) -> list[dict[str, Any]]:
    """Table cells and histogram of each; all have the same bins, so that the histograms compare."""
    histograms = [mode["output_tokens"]["histogram"] for mode in modes.values()]
    together = [sum(counts) for counts in zip(*histograms, strict=True)]
    first = next((i for i, count in enumerate(together) if count), 0)
    return [_mode_view(name, mode, edges, first) for name, mode in modes.items()]


def _mode_view(name: str, mode: Mapping[str, Any], edges: Sequence[int], first: int) -> dict[str, Any]:
    lengths = mode["output_tokens"]
    histogram, edges = lengths["histogram"][first:], edges[first:]
    counts = (mode["num_trajectories"], mode["num_quarantined"])
    tokens = (mode["num_prompt_tokens"], mode["num_tokens"], *(lengths[quantile] for quantile in _QUANTILES))
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(mode["finish_reasons"].items()))
    return {
        "name": name,
        "cells": [*map(_number, counts), reasons, *map(_number, tokens)],
        "num_counted": sum(histogram),
        "highest": max(histogram),
        "bars": _bars(histogram, edges) if any(histogram) else [],
        "ticks": _ticks(edges),
    }


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _bars(histogram: Sequence[int], edges: Sequence[int]) -> list[dict[str, Any]]:
    """Rectangles of equal width, as high as their share of the highest."""
    highest, width = max(histogram), _WIDTH / len(histogram)
    return [
        {
            "x": round(i * width + 1, 2),
            "width": round(width - 2, 2),
            "height": round(_HEIGHT * count / highest, 2),
            "title": f"{edges[i]:,} to {edges[i + 1] - 1:,} tokens: {count:,}",
        }
        for i, count in enumerate(histogram)
    ]


def _ticks(edges: Sequence[int]) -> list[dict[str, Any]]:
    """Labels under the left edges of evenly spaced bins."""
    num_bins = len(edges) - 1
    return [
        {"x": round(i * _WIDTH / num_bins, 2), "anchor": "middle" if i else "start", "label": f"{edges[i]:,}"}
        for i in range(0, num_bins, -(-num_bins // _NUM_TICKS))
    ]


def _sections(output: Path) -> list[dict[str, Any]]:
    chosen = scan(output, [query for _, query in _SECTIONS.values()]).chosen
    return [
        {"name": name, "title": title, "rows": [_row_view(row) for row in rows]}
        for (name, (title, _)), rows in zip(_SECTIONS.items(), chosen, strict=True)
    ]


def _row_view(row: Row) -> dict[str, Any]:
    facts = (row["model"], f"tokens: {token_counts(row)}", row["finish_reason"])
    return {
        "id": row["trajectory_id"],
        "facts": " · ".join(fact for fact in facts if fact),
        "sampling": f"sampling: {sampling_text(row)}",
        "error": row["error"],
        "messages": row["messages"] or [],
        "text": row["text"],
    }
