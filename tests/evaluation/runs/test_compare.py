"""Finished runs side by side: what they share is compared, what is no run is refused."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.rows import graded
from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.runs.page import write_comparison
from z1ray.evaluation.runs.read import read_runs, short_names
from z1ray.records import EVALUATION_ROW, Row, write_rows

ROOT = Path(__file__).parents[3]
Make = Callable[..., Path]


def answers(solved: int, problems: range, **given: Any) -> list[Row]:
    """At two budgets, of which the smaller solves half as many."""
    return [
        graded(
            problem_id=f"{n:02d}",
            thinking_budget=budget,
            thinking_tokens=budget,
            correct=n < solved * budget // 32,
            **given,
        )
        for budget in (16, 32)
        for n in problems
    ]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Makes a finished run of rows and settings."""

    def made(name: str, rows: list[Row], **settings: Any) -> Path:
        folder = tmp_path / name
        artifacts.begin(folder / "evaluation", settings)
        write_rows(rows, folder / "evaluation" / "rows.parquet", EVALUATION_ROW)
        artifacts.finish(folder / "evaluation", time.time())
        return folder

    return made


def test_two_runs(make, tmp_path):
    """Paired on the 20 problems of both; only the settings that differ; links that hold from where the page lies."""
    one = make("runs/one <b>", answers(12, range(30)), seed=0, window={"answer_tokens": 8})
    two = make("runs/two", answers(20, range(10, 40)), seed=0, window={"answer_tokens": 16})
    page = tmp_path / "pages" / "both.html"
    found = write_comparison([one, two], page, 0.95)
    assert [(c["model"], c["budget"], c["result"]["num_problems"]) for c in found["models"]] == [
        ("one <b>: m", 16, 20),
        ("one <b>: m", 32, 20),
    ]
    # Of the problems 10 to 29 the first run solves 2 and the second 10.
    assert found["models"][1]["result"]["difference"] == pytest.approx(8 / 20)
    assert found["models"][1]["result"]["num_tests"] == 2
    assert found["settings"] == {"evaluation.window.answer_tokens": {"one <b>": 8, "two": 16}}
    text = page.read_text()
    assert "<b>" not in text
    for place in range(2):
        # In the table, and in both rows of the figure.
        assert text.count(f'href="../runs/two/answers.html#point={place}"') == 3
    assert 'href="../runs/one%20%3Cb%3E/report.html"' in text


def test_runs_that_share_nothing(make, tmp_path):
    """Side by side they stand all the same, and the page says that nothing is paired."""
    one, two = make("one", answers(5, range(10))), make("two", answers(5, range(10), benchmark="c", model="n"))
    found = write_comparison([one, two], tmp_path / "both.html", 0.95)
    assert len(found["curve"]) == 4
    assert found["models"] == found["savings"] == []
    assert "share no problem" in (tmp_path / "both.html").read_text()


def test_models_of_other_names_are_compared_each_with_each(make, tmp_path):
    """But where a name is in both runs, with its namesake only."""
    one = make("one", [*answers(5, range(10)), *answers(6, range(10), model="n")])
    two = make("two", answers(8, range(10), model="n"))
    three = make("three", answers(8, range(10), model="q"))
    pairs = {
        (c["model"], c["other_model"]) for c in write_comparison([one, two, three], tmp_path / "p.html", 0.9)["models"]
    }
    assert pairs == {
        ("one: n", "two: n"),
        ("one: m", "three: q"),
        ("one: n", "three: q"),
        ("two: n", "three: q"),
    }


def test_what_is_no_finished_run_is_refused(make, tmp_path):
    """By its name, before anything is written."""
    one = make("one", answers(5, range(10)))
    (tmp_path / "half" / "evaluation").mkdir(parents=True)
    for folders, problem in (
        ([one, tmp_path / "none"], "no such folder"),
        ([one, tmp_path / "half"], "no finished run"),
        ([one, one / "evaluation"], "no finished run"),
        ([one, tmp_path / "half" / ".." / "one"], "named twice"),
    ):
        with pytest.raises(UserError, match=problem):
            read_runs(folders)
    with pytest.raises(UserError, match="it is a folder"):
        write_comparison([one], tmp_path, 0.95)
    with pytest.raises(UserError, match="between 0 and 1"):
        write_comparison([one], tmp_path / "p.html", 95)


def test_names_of_runs():
    """Two folders of the same name are told apart by their parents."""
    assert short_names([Path("/a/x"), Path("/a/y")]) == ["x", "y"]
    assert short_names([Path("/a/x"), Path("/b/x")]) == ["a/x", "b/x"]


def test_the_launcher(make, tmp_path):
    """One line of JSON on standard output, and a mistake on one screen with status 2."""
    one = make("one", answers(5, range(10)))
    command = [sys.executable, "jobs/compare.py", "--output", str(tmp_path / "p.html"), "--json"]
    done = subprocess.run([*command, str(one)], capture_output=True, text=True, check=True, cwd=ROOT)
    assert json.loads(done.stdout)["runs"] == {"one": str(one)}
    assert (tmp_path / "p.html").exists()
    wrong = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=ROOT)
    assert wrong.returncode == 2
    assert "no finished run" in wrong.stderr
