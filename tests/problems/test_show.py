"""What people see of a source before they pay for a run."""

import subprocess
import sys
from pathlib import Path

import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.show import count, show_problems

ROOT = Path(__file__).parents[2]
DATA = Path(__file__).parent / "sets" / "data"


def shown(capsys, layout, num=5):
    show_problems([SourceConfig(kind="jsonl", path=str(DATA / f"{layout}.jsonl"), format=layout)], num)
    return capsys.readouterr().out


def test_rows_and_counts_are_shown(capsys):
    """Tests, difficulty, solution and what is called: what goes wrong in a mapping shows there."""
    text = shown(capsys, "apps")
    assert "rows           3, shown 3" in text
    assert "difficulty     1 medium; 1 easy; 1 hard" in text
    assert "tests          1 stdio; 1 python; 1 none" in text
    assert "solutions      2" in text
    assert "stdio, 1; the first: '4\\n3\\n4\\n12\\n1000000000\\n' gives 'NO\\nYES\\nYES\\nYES\\n'" in text
    assert "called         Solution" in text
    assert "For each of t numbers print YES" in text


def test_unusable_rows_are_counted_by_reason(capsys):
    """The reason, without the place, so that a million rows of one fault are one line."""
    text = shown(capsys, "opencodereasoning")
    assert "not usable     1 input: it is a placeholder, no question" in text
    assert "1 rows are left out, whose id and question came before" in text


def test_the_choice_is_random_and_of_the_asked_size(capsys):
    """The first rows of a set are often of one kind."""
    source = SourceConfig(kind="programs", limit=40)
    rows = [{"question": "?", "metadata": "{}", "difficulty": None, "tests": None, "problem_id": n} for n in range(40)]
    chosen = [[row["problem_id"] for row in count(rows, 5, seed).chosen] for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
    assert len(set(chosen[0])) == 5
    show_problems([source], 2)
    assert capsys.readouterr().out.count("-- question") == 2


def test_no_source_is_refused():
    """A configuration of ready trajectories has no problems."""
    with pytest.raises(UserError, match="there is no source"):
        show_problems([])


def test_the_launcher_shows_a_configuration():
    """From a YAML file to the terminal, without a cluster."""
    command = [sys.executable, "jobs/show.py", "--problems", "conf/miniature.yaml", "--num", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=180, check=True)
    assert done.stdout.count("-- question") == done.stdout.count("== source") > 0
    nothing = subprocess.run([sys.executable, "jobs/show.py"], capture_output=True, text=True, cwd=ROOT, timeout=180)
    assert nothing.returncode == 2
    assert "--problems" in nothing.stderr
