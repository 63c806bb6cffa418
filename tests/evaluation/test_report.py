"""What is written beside a finished evaluation."""

import json
import re
import time
from pathlib import Path

import pytest

from tests.evaluation.rows import graded
from z1ray import artifacts
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
    assert json.loads((run / "findings.json").read_text())["sentences"] == told
    assert len(json.loads((run / "curve.json").read_text())) == 4
    assert (run / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (run / "curve.svg").read_bytes()
    page = (run / "report.html").read_text()
    assert page.count("<li>") == 3
    # A budget in the table, and a point in each of the two panels.
    assert all(page.count(f'href="answers.html#point={number}"') >= 3 for number in range(4))
    for title in ("how runs ended", "pass@k", "against the next", "against each other", "needed for", "Control"):
        assert title in page
    assert "<b>" not in page
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)


def test_the_summary_ends_with_the_sentences(run, capsys):
    """Whoever watches `make demo` reads what came out without opening a file."""
    told = write_report(run, 0.95)
    print_summary(run)
    printed = capsys.readouterr().out
    assert all(sentence in printed for sentence in told)
