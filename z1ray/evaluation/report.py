"""What a run came to: the curve as JSON, PNG and SVG, ``findings.json``, ``report.html`` and ``answers.html``.

Reads the artifacts of whatever stages are there; only evaluation must be.
"""

import base64
import json
from collections import Counter
from importlib.resources import files
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.evaluation.answers_page import PAGE, link, write_answers
from z1ray.evaluation.curve import Point, as_json, curve
from z1ray.evaluation.plots import curve_figure
from z1ray.evaluation.statistics import findings as found
from z1ray.evaluation.statistics.sentences import budget_text, headlines, method_text, p_text, sentences
from z1ray.files import replacing, write_json, write_text
from z1ray.plots import loss_png, png, svg
from z1ray.records import Row, read_rows

_COMMON_FACTS = {"finished", "seconds", "code", "versions", "inputs"}
_SAMPLES_PER_OUTCOME = 2


def write_report(run: Path, confidence: float) -> list[str]:
    """Draw the curve of a finished evaluation and write the run's report.

    Args:
        run: The experiment's folder.
        confidence: Level of the accuracy intervals.

    Returns:
        The findings that tell most, in at most eight sentences; the files hold all of them.
    """
    rows = read_rows(run / "evaluation" / "rows.parquet")
    points, findings = curve(rows, confidence), found.findings(rows, confidence)
    told = {"headlines": headlines(findings), "sentences": sentences(findings)}
    figure = curve_figure(points)
    image = svg(figure)
    write_json(run / "curve.json", as_json(points))
    write_json(run / "findings.json", {**told, **found.as_json(findings)})
    for name, data in (("curve.png", png(figure)), ("curve.svg", image)):
        with replacing(run / name) as partial:
            partial.write_bytes(data)
    write_answers(run, points, rows)
    # Last, since a run is done once it has its report.
    write_text(run / "report.html", _render(run, points, findings, told, image))
    return told["headlines"]


def _render(run: Path, points: list[Point], findings: found.Findings, told: dict[str, list[str]], image: bytes) -> str:
    from jinja2 import Environment
    from markupsafe import Markup

    template = files("z1ray.evaluation").joinpath("report.html.j2").read_text()
    manifest = artifacts.manifest(run / "evaluation")
    examples = _examples(run / "dataset")
    return (
        Environment(autoescape=True)
        .from_string(template)
        .render(
            name=run.name,
            code=manifest["code"],
            finished=manifest["finished"],
            versions=", ".join(f"{name} {version}" for name, version in manifest["versions"].items()),
            points=points,
            findings=findings,
            **told,
            budget_text=budget_text,
            method_text=method_text,
            p_text=p_text,
            link=link,
            page=PAGE,
            # Without the declarations of a file of its own.
            curve_svg=Markup(image[image.index(b"<svg") :].decode()),
            stages=[
                _stage(run / name) for name in artifacts.FOLDERS.values() if (run / name / artifacts.MANIFEST).exists()
            ],
            drops=Counter(_outcome(row) for row in examples).most_common(),
            loss_png=_loss(run / "checkpoint" / "metrics.jsonl"),
            chats=_chats(run / "endpoint" / "chats.json"),
            samples=_samples(examples),
        )
    )


def _stage(folder: Path) -> dict[str, Any]:
    manifest = artifacts.manifest(folder)
    facts = {name: value for name, value in manifest.items() if name not in _COMMON_FACTS}
    return {
        "name": folder.name,
        "finished": manifest["finished"],
        "seconds": manifest["seconds"],
        "facts": ", ".join(f"{name}: {_short(value)}" for name, value in facts.items() if _is_plain(value)),
        "config": (folder / "config.yaml").read_text(),
    }


def _is_plain(value: object) -> bool:
    return isinstance(value, int | float | str)


def _short(value: float | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _examples(folder: Path) -> list[Row]:
    return read_rows(folder / "data") if (folder / artifacts.MANIFEST).exists() else []


def _outcome(row: Row) -> str:
    return "kept" if row["kept"] else f"dropped: {row['drop_reason']}"


def _samples(examples: list[Row]) -> list[Row]:
    """A few of each outcome, the kept first."""
    chosen: list[Row] = []
    for outcome in sorted({_outcome(row) for row in examples}, reverse=True):
        some = [{**row, "outcome": outcome} for row in examples if _outcome(row) == outcome]
        chosen += some[:_SAMPLES_PER_OUTCOME]
    return chosen


def _loss(path: Path) -> str | None:
    if not path.exists():
        return None
    return _base64(loss_png([json.loads(line) for line in path.read_text().splitlines()]))


def _chats(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    return [
        {
            "summary": f"{chat['model']}: {json.dumps(chat['request'])} -> {json.dumps(chat['thinking'])}",
            "text": chat["text"],
        }
        for chat in json.loads(path.read_text())
    ]


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
