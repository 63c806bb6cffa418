"""``answers.html``: every answer of a sweep on one page, two points of the curve side by side for each problem."""

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any

from z1ray.evaluation.curve import Point, thinking_finish
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.records import Row

PAGE = "answers.html"
_LONGEST = 6000  # characters of a text; longer ones lose their middle, or a page of long answers opens nowhere


def link(number: int) -> str:
    """Where the answers of a point are shown, by its place in the curve's points."""
    return f"{PAGE}#point={number}"


def answers_page(points: Sequence[Point], rows: Iterable[Row]) -> str:
    """The page, which has its script and its data in itself.

    Args:
        points: The curve's points.
        rows: The graded rows they were made from.
    """
    from jinja2 import Environment
    from markupsafe import Markup

    template = files("z1ray.evaluation").joinpath("answers_page.html.j2").read_text()
    data = {"points": [_point(point) for point in points], "answers": _answers(points, rows)}
    # In a script no entity is read, so what could end the script is written as JSON's own escape.
    text = json.dumps(data).replace("<", "\\u003c")
    return Environment(autoescape=True).from_string(template).render(data=Markup(text))


def shorten(text: str) -> str:
    """A text with its middle left out if it is long: its beginning and its answer stay."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    left_out = f"[... {len(text) - 2 * half:,} characters left out; evaluation/rows.parquet has them ...]"
    return f"{text[:half]}\n\n{left_out}\n\n{text[-half:]}"


def _point(point: Point) -> dict[str, Any]:
    return {name: getattr(point, name) for name in ("model", "benchmark", "method", "thinking_budget", "accuracy")}


def _answers(points: Sequence[Point], rows: Iterable[Row]) -> list[dict[str, list[dict[str, Any]]]]:
    """For each point the answers by problem, in the order of their samples."""
    place = {_key(_point(point)): number for number, point in enumerate(points)}
    found: list[dict[str, list[dict[str, Any]]]] = [{} for _ in points]
    for row in sorted(rows, key=lambda row: (str(row["problem_id"]), row["sample"])):
        found[place[_key(row)]].setdefault(row["problem_id"], []).append(_answer(row))
    return found


def _key(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("model", "benchmark", "method", "thinking_budget"))


def _answer(row: Row) -> dict[str, Any]:
    return {
        "correct": row["correct"],
        "thinking": row["thinking_tokens"],
        "generated": generated_tokens(row),
        "thinking_finish": thinking_finish(row),
        "finish": row["finish_reason"],
        "answer": row["answer"],
        "text": shorten(row["text"] or ""),
    }
