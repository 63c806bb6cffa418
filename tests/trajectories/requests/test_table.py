"""The request table: complete, stable, longest first, and written in bounded memory."""

import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import problem, read_rows
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.requests import spool, table

MODES = {"short": ModeConfig(max_tokens=16), "long": ModeConfig(max_tokens=64, samples_per_problem=2)}


def config(modes=MODES, **settings) -> GenerateConfig:
    return GenerateConfig(
        teachers={"t": TeacherConfig(model="m")}, problems=[SourceConfig(kind="leetcode")], modes=modes, **settings
    )


def problems(number, **columns):
    return [problem(problem_id=f"x/{i}", source="x", question=f"Question {i}?", **columns) for i in range(number)]


def requests(output):
    return [row for part in table.parts(output) for row in read_rows(part)]


def ids(output):
    return [row["trajectory_id"] for row in requests(output)]


def test_every_problem_mode_and_sample_once(tmp_path):
    """A missing or doubled request is a lost or doubled trajectory; its number is its place in the table."""
    assert table.write_table(config(), iter(problems(5)), tmp_path) == 15
    rows = requests(tmp_path)
    expected = {f"x/{i}#{mode}" for i in range(5) for mode in ("short#0", "long#0", "long#1")}
    assert {row["trajectory_id"] for row in rows} == expected
    assert all(row["trajectory_id"] == f"{row['problem_id']}#{row['mode']}#{row['sample']}" for row in rows)
    assert [row["request"] for row in rows] == list(range(15))
    assert all(row["question"] == f"Question {row['problem_id'][2:]}?" for row in rows)
    assert table.num_requests(config(), tmp_path) == {"short": 5, "long": 10}
    assert [row["problem_id"] for row in read_rows(tmp_path / "problems.parquet")] == [f"x/{i}" for i in range(5)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["problems.parquet", "requests"]


def test_longest_expected_first(tmp_path):
    """The mode's limit, then difficulty, then the question's length decide; equal ones stay as they came."""
    rows = [
        problem(problem_id="easy", source="x", question="q" * 90, difficulty="easy"),
        problem(problem_id="unknown", source="x", question="q"),
        problem(problem_id="hard", source="x", question="q", difficulty="hard"),
        problem(problem_id="hard-too", source="x", question="q", difficulty="hard"),
        problem(problem_id="hard-long", source="x", question="qq", difficulty="hard"),
        problem(problem_id="medium", source="x", question="q", difficulty="medium"),
    ]
    modes = {
        "a": ModeConfig(max_tokens=8),
        "b": ModeConfig(max_tokens=99),
        "c": ModeConfig(max_tokens=8),
    }
    table.write_table(config(modes), iter(rows), tmp_path)
    order = ["hard-long", "hard", "hard-too", "medium", "unknown", "easy"]
    expected = [f"{name}#b#0" for name in order] + [f"{name}#{mode}#0" for name in order for mode in "ac"]
    assert ids(tmp_path) == expected


def test_parts_and_batches_do_not_change_the_table(tmp_path, monkeypatch):
    """The same rows whatever the sizes of files and memory; the same table from the same problems."""
    for name in ("one", "again", "many"):
        (tmp_path / name).mkdir()
    rows = [row | {"difficulty": ("easy", "hard", None)[i % 3]} for i, row in enumerate(problems(50))]
    for name in ("one", "again"):
        table.write_table(config(), iter(rows), tmp_path / name)
    monkeypatch.setattr(spool, "BATCH", 7)
    monkeypatch.setattr(table, "_PART", 11)
    monkeypatch.setattr(table, "_CHUNK", 5)
    table.write_table(config(), iter(rows), tmp_path / "many")
    assert len(table.parts(tmp_path / "many")) > 10
    whole = requests(tmp_path / "one")
    assert len(whole) == 150
    for name in ("again", "many"):
        assert requests(tmp_path / name) == whole


def test_two_problems_of_one_id_leave_nothing(tmp_path):
    """Their trajectories could not be told apart; and a refused folder is not bound to its settings."""
    with pytest.raises(UserError, match="x/2"):
        table.write_table(config(), iter([*problems(4), problems(3)[2]]), tmp_path)
    with pytest.raises(UserError, match="x/1"):
        table.write_table(config(), iter(problems(2)), tmp_path, ready=iter(problems(2)[1:]))
    assert list(tmp_path.iterdir()) == []


def test_ready_problems_are_recorded_and_not_asked(tmp_path):
    """Curation looks their questions up; their trajectories exist."""
    ready = [problem(problem_id="y/0", source="y", question="Solved?")]
    assert table.write_table(config(), iter(problems(2)), tmp_path, ready=iter(ready)) == 6
    assert [row["problem_id"] for row in read_rows(tmp_path / "problems.parquet")] == ["x/0", "x/1", "y/0"]
    assert not any(name.startswith("y/") for name in ids(tmp_path))


@pytest.mark.parametrize(
    ("modes", "number"),
    [
        (MODES, 8),
        (MODES | {"brief": ModeConfig(max_tokens=99)}, 5),
        (MODES | {"short": ModeConfig(max_tokens=16, samples_per_problem=3)}, 5),
        (MODES | {"brief": ModeConfig(max_tokens=99), "short": ModeConfig(max_tokens=16, samples_per_problem=2)}, 8),
    ],
)
def test_an_extended_table_adds_what_is_missing(tmp_path, monkeypatch, modes, number):
    """Nothing is asked twice or lost, and what is asked already keeps its number, by which answers are known."""
    monkeypatch.setattr(table, "_PART", 4)
    monkeypatch.setattr(table, "_CHUNK", 3)
    table.write_table(config(), iter(problems(5)), tmp_path)
    before, larger = requests(tmp_path), config(modes)
    assert table.is_current(config(), tmp_path)
    total = table.write_table(larger, iter(problems(number)), tmp_path)
    after = requests(tmp_path)
    assert after[: len(before)] == before
    assert [row["request"] for row in after] == list(range(total))
    slots = [f"{name}#{sample}" for name, mode in modes.items() for sample in range(mode.samples_per_problem)]
    assert sorted(ids(tmp_path)) == sorted(f"x/{i}#{slot}" for i in range(number) for slot in slots)
    assert table.num_requests(larger, tmp_path) == {n: number * m.samples_per_problem for n, m in modes.items()}
    assert len(read_rows(tmp_path / "problems.parquet")) == number
    assert table.write_table(larger, iter(problems(number)), tmp_path) == total


def test_an_extension_that_fails_or_is_killed_leaves_the_table_as_it_was(tmp_path):
    """Parts that a kill left behind do not belong to it until the table says so."""
    table.write_table(config(), iter(problems(3)), tmp_path)
    before = requests(tmp_path)
    with pytest.raises(UserError, match="x/1"):
        table.write_table(config(), iter([*problems(3), problems(2)[1]]), tmp_path)
    with table.prepared(config(), iter(problems(5)), tmp_path) as made:
        part = made / "part-00001.parquet"
        part.rename(tmp_path / "requests" / part.name)
    assert requests(tmp_path) == before
    assert table.write_table(config(), iter(problems(4)), tmp_path) == 12
    assert len(set(ids(tmp_path))) == 12


def test_the_table_knows_the_settings_it_was_made_for(tmp_path):
    """One more mode or source is seen, another limit of patience is no business of the table's."""
    table.write_table(config(), iter(problems(2)), tmp_path)
    assert table.is_current(config(max_quarantined_share=1.0, batch_size=9), tmp_path)
    assert not table.is_current(config(MODES | {"brief": ModeConfig()}), tmp_path)


def test_a_question_that_its_source_could_not_read_carries_the_reason(tmp_path):
    """The row goes to quarantine with what was wrong in the file, not with the emptiness left of it."""
    bad = problems(2)[1] | {"question": "", "metadata": '{"error": "line 2\\n  problem: it is no JSON"}'}
    table.write_table(config(), iter([problems(1)[0], bad]), tmp_path)
    rows = requests(tmp_path)
    errors = {row["problem_id"]: row["error"] for row in rows}
    assert errors == {"x/0": None, "x/1": "unusable problem: line 2 problem: it is no JSON"}


def test_memory_does_not_grow_with_the_questions(tmp_path):
    """200,000 questions of 2 kB pass through a process that keeps a fraction of their 400 MB."""
    script = f"""
import sys
from pathlib import Path
sys.path.insert(0, {str(sys.path[0])!r})
from tests.trajectories.requests.test_table import config
from z1ray.trajectories.requests.table import write_table

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) // 1024

def rows():
    global peak
    fixed = dict(source="x", difficulty=None, tests=None, entry_point=None, metadata=None)
    for i in range(200_000):
        if i % 10_000 == 0:
            peak = max(peak, anonymous())
        yield dict(problem_id=f"x/{{i}}", question=f"{{i:08d}}" * 250, **fixed)

peak = before = anonymous()
number = write_table(config(), rows(), Path({str(tmp_path)!r}))
print(number, max(peak, anonymous()) - before)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    number, grown_mib = map(int, done.stdout.split())
    assert number == 600_000
    assert grown_mib < 250
    assert sum(pq.read_metadata(part).num_rows for part in table.parts(tmp_path)) == number
