"""What is written beside a finished evaluation."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.evaluation.rows import graded
from z1ray import artifacts
from z1ray.evaluation.answers_page import write_answers
from z1ray.evaluation.curve import curve
from z1ray.evaluation.report import write_report
from z1ray.pipeline.summary import print_summary
from z1ray.records import EVALUATION_ROW, write_rows


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """An evaluation of two models at two budgets, two samples each."""
    rows = [
        graded(
            model=model,
            thinking_budget=budget,
            thinking_tokens=budget,
            sample=sample,
            problem_id=str(n),
            correct=n < solved,
        )
        for model, both in {"a": (2, 8), "<b>": (1, 4)}.items()
        for budget, solved in zip((8, 32), both, strict=True)
        for n in range(10)
        for sample in range(2)
    ]
    artifacts.begin(tmp_path / "evaluation", {"of": "a test"})
    write_rows(rows, tmp_path / "evaluation" / "rows.parquet", EVALUATION_ROW)
    artifacts.finish(tmp_path / "evaluation", time.time())
    return tmp_path


def test_every_table_and_file(run):
    """Drawn twice, told in the same sentences in the report, in JSON and to the caller; names are escaped."""
    told = write_report(run, 0.95)
    assert len(told) == 3
    assert json.loads((run / "findings.json").read_text())["headlines"] == told
    assert len(json.loads((run / "curve.json").read_text())) == 4
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (run / "curve.svg").read_bytes()
    page = (run / "report.html").read_text()
    assert page.count("<li>") == 3
    # A budget in the table, and a point in each of the two panels.
    assert all(page.count(f'href="answers.html#point={number}"') >= 3 for number in range(4))
    for title in ("how runs ended", "pass@k", "against the next", "against each other", "needed for", "Control"):
        assert title in page
    # One script of answers for each point; the report leads to their table.
    assert sorted(path.name for path in (run / "answers").iterdir()) == [f"{number}.js" for number in range(4)]
    assert 'href="answers.html"' in page
    assert "<b>" not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_the_summary_ends_with_the_sentences(run, capsys):
    """Whoever watches `make demo` reads what came out without opening a file."""
    told = write_report(run, 0.95)
    print_summary(run)
    printed = capsys.readouterr().out
    assert all(sentence in printed for sentence in told)


def test_verdicts_are_shown_with_their_kind(run):
    """What a row says of its verdict and sandbox reaches the page; rows without these columns have none."""
    rows = [graded(verdict="timeout", sandbox="bubblewrap", correct=False), graded(problem_id="q", verdict=None)]
    write_answers(run, curve(rows, 0.95), rows)
    told = (run / "answers" / "0.js").read_text()
    answers = json.loads(told.removeprefix("show(0, ").removesuffix(");\n"))
    assert [(a[0]["verdict"], a[0]["sandbox"]) for a in answers.values()] == [("timeout", "bubblewrap"), (None, None)]


def test_methods_have_a_table(run):
    """Against the window, and with the method beside each point."""
    rows = [
        graded(method=method, thinking_budget=budget, thinking_tokens=budget, problem_id=str(n), correct=n < budget)
        for method in ("shifted_thinking_window", "tag_capped")
        for budget in (4, 8)
        for n in range(10)
    ]
    write_rows(rows, run / "evaluation" / "rows.parquet", EVALUATION_ROW)
    write_report(run, 0.95)
    page = (run / "report.html").read_text()
    assert "Methods against the window" in page
    assert len(json.loads((run / "findings.json").read_text())["methods"]) == 4
    assert page.count("<td>tag_capped</td>") >= 4
