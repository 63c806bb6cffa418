"""``answers.html``: all problems of a sweep in one table, and every answer, two points of the curve side by side.

The page holds the table. The answers lie in ``answers/``, a script per point of the curve, which the page loads
when it shows them: a page opened from a disk may load scripts beside it, but read no other files.
"""

import json
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from z1ray.evaluation.curve import Point, thinking_finish
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.files import replacing, write_text
from z1ray.records import Row

PAGE = "answers.html"
_FOLDER = "answers"
_KEY = ("model", "benchmark", "method", "thinking_budget")
_LONGEST = 6000  # characters of a text; longer ones lose their middle, or a page of long answers opens nowhere

# The answers of a point by problem, in the order of their samples.
Answers = dict[str, list[Row]]


def link(number: int) -> str:
    """Where the answers of a point are shown, by its place in the curve's points."""
    return f"{PAGE}#point={number}"


def write_answers(run: Path, points: Sequence[Point], rows: Iterable[Row]) -> None:
    """Write the page and its folder.

    Args:
        run: The run's folder.
        points: The curve's points.
        rows: The graded rows they were made from.
    """
    answers = _by_point(points, rows)
    with replacing(run / _FOLDER) as partial:
        partial.mkdir()
        for number, some in enumerate(answers):
            texts = {problem: [_answer(row) for row in samples] for problem, samples in some.items()}
            (partial / f"{number}.js").write_text(f"show({number}, {_script(texts)});\n", encoding="utf-8")
    write_text(run / PAGE, _page(points, answers))


def shorten(text: str) -> str:
    """A text with its middle left out if it is long: its beginning and its answer stay."""
    if len(text) <= _LONGEST:
        return text
    half = _LONGEST // 2
    left_out = f"[... {len(text) - 2 * half:,} characters left out; evaluation/rows.parquet has them ...]"
    return f"{text[:half]}\n\n{left_out}\n\n{text[-half:]}"


def _page(points: Sequence[Point], answers: Sequence[Answers]) -> str:
    from jinja2 import Environment
    from markupsafe import Markup

    here = files("z1ray.evaluation")
    template, script = (here.joinpath(f"answers_page.{kind}").read_text() for kind in ("html.j2", "js"))
    problems: dict[str, set[str]] = {}
    for point, some in zip(points, answers, strict=True):
        problems.setdefault(point.benchmark, set()).update(some)
    names = {benchmark: sorted(some) for benchmark, some in problems.items()}
    columns = [_column(*each, names[each[0].benchmark]) for each in zip(points, answers, strict=True)]
    data = _script({"problems": names, "points": columns, "folder": _FOLDER})
    return Environment(autoescape=True).from_string(template).render(data=Markup(data), script=Markup(script))


def _script(data: Any) -> str:
    # In a script no entity is read, so what could end the script is written as JSON's own escape.
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _by_point(points: Sequence[Point], rows: Iterable[Row]) -> list[Answers]:
    place = {tuple(getattr(point, name) for name in _KEY): number for number, point in enumerate(points)}
    found: list[Answers] = [{} for _ in points]
    for row in sorted(rows, key=lambda row: (str(row["problem_id"]), row["sample"])):
        found[place[tuple(row[name] for name in _KEY)]].setdefault(row["problem_id"], []).append(row)
    return found


def _column(point: Point, answers: Answers, problems: Sequence[str]) -> dict[str, Any]:
    """What the table shows of a point: means over samples for each problem, null where it was not asked."""
    values = {
        "correct": lambda row: row["correct"] is True,
        "thinking": lambda row: row["thinking_tokens"],
        "generated": generated_tokens,
    }
    facts = {name: getattr(point, name) for name in (*_KEY, "accuracy", "mean_thinking_tokens")}
    return facts | {
        name: [_mean(answers.get(problem), value) for problem in problems] for name, value in values.items()
    }


def _mean(rows: Sequence[Row] | None, value: Any) -> float | None:
    return round(sum(map(value, rows)) / len(rows), 3) if rows else None


def _answer(row: Row) -> dict[str, Any]:
    return {
        "correct": row["correct"],
        "verdict": row.get("verdict"),
        "sandbox": row.get("sandbox"),
        "thinking": row["thinking_tokens"],
        "generated": generated_tokens(row),
        "thinking_finish": thinking_finish(row),
        "finish": row["finish_reason"],
        "answer": None if row["answer"] is None else shorten(row["answer"]),
        "text": shorten(row["text"] or ""),
    }
