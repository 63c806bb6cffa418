"""A dataset on one self-contained page: funnel, lengths, and some rows for every reason to keep or drop one.

The page has no script and asks no server; texts are escaped, whatever a model wrote.
"""

from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from z1ray.files import write_text
from z1ray.records import Row

PAGE = "report.html"
_CHARACTERS = 6000
_WIDTH, _HEIGHT = 720, 140  # of a histogram's plot, in the template's units
_NUM_TICKS = 9


def write_page(output: Path, facts: Mapping[str, Any]) -> Path:
    """Write ``report.html`` of a dataset.

    Args:
        output: The stage's folder with its ``data``.
        facts: What the manifest says, ``samples`` (ids and files of rows by reason) included.

    Returns:
        The page's path.
    """
    from jinja2 import Environment

    template = files("z1ray.curation.view").joinpath("page.html.j2").read_text()
    # What is finalised is still escaped; control characters and marks that reorder text are spelled out first.
    environment = Environment(autoescape=True, finalize=lambda value: printable(value) if type(value) is str else value)
    text = environment.from_string(template).render(_view(output, facts))
    write_text(output / PAGE, text)
    return output / PAGE


def _view(output: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    rows = _sampled(output / "data", [each for some in facts["samples"].values() for each in some])
    return {
        "name": "/".join(output.resolve().parts[-2:]),
        "facts": facts,
        "funnel": list(_funnel(facts)),
        "histograms": [
            {"title": title, "charts": _charts(facts[key], facts["histogram_edges"])}
            for title, key in (("mode", "modes"), ("difficulty", "difficulties"))
        ],
        "sections": [
            {
                "name": reason,
                "count": _count(facts, reason),
                "rows": [_row_view(rows[each["trajectory_id"]]) for each in some],
            }
            for reason, some in facts["samples"].items()
        ],
        "config": (output / "config.yaml").read_text(),
    }


def _funnel(facts: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    total = facts["num_rows"]
    for each in facts["funnel"]:
        dropped = facts["dropped"].get(each["step"], 0)
        yield {**each, "dropped": dropped, "width": round(100 * each["rows"] / max(total, 1), 2)}


def _count(facts: Mapping[str, Any], reason: str) -> int:
    return int(facts["num_kept"] if reason == "kept" else facts["dropped"][reason])


def _sampled(data: Path, samples: Sequence[Mapping[str, str]]) -> dict[str, Row]:
    """The sampled rows by id, from the files that hold them."""
    wanted: dict[str, list[str]] = {}
    for each in samples:
        wanted.setdefault(each["file"], []).append(each["trajectory_id"])
    rows: dict[str, Row] = {}
    for file, names in wanted.items():
        table = pq.read_table(data / file, filters=[("trajectory_id", "in", names)])
        rows |= {row["trajectory_id"]: row for row in table.to_pylist()}
    return rows


def _row_view(row: Row) -> dict[str, Any]:
    text = row["text"] or ""
    facts = (row["mode"], f"{row['num_tokens']:,} tokens", row["verdict"], row["finish_reason"])
    return {
        "id": row["trajectory_id"],
        "facts": " · ".join(fact for fact in facts if fact),
        "error": row["error"],
        "duplicate_of": row["duplicate_of"],
        "contaminated_by": row["contaminated_by"],
        "question": row["question"],
        "text": text[:_CHARACTERS],
        "left_out": max(0, len(text) - _CHARACTERS),
    }


def _charts(groups: Mapping[str, Any], edges: Sequence[int]) -> list[dict[str, Any]]:
    """A histogram of each group; all have the same bins, so that they compare."""
    together = [sum(counts) for counts in zip(*(each["tokens"]["histogram"] for each in groups.values()), strict=True)]
    first = next((number for number, count in enumerate(together) if count), 0)
    return [
        {
            "name": name,
            "num_kept": each["num_kept"],
            "highest": max(each["tokens"]["histogram"]),
            "bars": _bars(each["tokens"]["histogram"][first:], edges[first:]),
            "ticks": _ticks(edges[first:]),
        }
        for name, each in groups.items()
        if each["num_kept"]
    ]


def _bars(histogram: Sequence[int], edges: Sequence[int]) -> list[dict[str, Any]]:
    highest, width = max(histogram), _WIDTH / len(histogram)
    return [
        {
            "x": round(number * width + 1, 2),
            "width": round(width - 2, 2),
            "height": round(_HEIGHT * count / highest, 2),
            "title": f"{edges[number]:,} to {edges[number + 1] - 1:,} tokens: {count:,}",
        }
        for number, count in enumerate(histogram)
    ]


def _ticks(edges: Sequence[int]) -> list[dict[str, Any]]:
    num_bins = len(edges) - 1
    return [
        {"x": round(i * _WIDTH / num_bins, 2), "anchor": "middle" if i else "start", "label": f"{edges[i]:,}"}
        for i in range(0, num_bins, -(-num_bins // _NUM_TICKS))
    ]


def printable(text: str) -> str:
    """Text with control characters and marks that reorder it spelled out."""
    return "".join(
        char if char in "\n\t" or char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
