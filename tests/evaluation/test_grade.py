"""What of a run is graded, and that nothing is graded twice."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.evaluation.rows import graded
from tests.processes import kill_tree
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.grade import grade, piece_size, write_pieces
from z1ray.evaluation.problems import are_edited, require_same_questions, write_problems
from z1ray.evaluation.verdicts import (
    VERDICT,
    Rules,
    answer_text,
    check_digest,
    check_piece,
    is_settled,
    read_verdicts,
)
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.records import EVALUATION_ROW, Row, problem, read_rows, write_rows
from z1ray.window import CODE_HINT

CODE = {"kind": "python", "cases": ["assert double(2) == 4"]}
SUM = {"kind": "reference", "reference": "7"}


def asked(tests: Row = CODE, name: str = "b/code") -> Row:
    return problem(problem_id=name, source="b", question="?", tests=tests, entry_point="double")


@pytest.fixture
def rules(tmp_path: Path) -> Rules:
    """Those of a problem with code and one with a number."""
    problems = [asked(), asked(SUM, "b/sum")]
    write_problems(problems, tmp_path / "problems.arrow")
    return Rules(
        problems=tmp_path / "problems.arrow",
        checks={row["problem_id"]: check_digest(row) for row in problems},
        hints={("m", "b", "x"): CODE_HINT},
        sandbox=SandboxConfig(timeout_s=10),
    )


def answer(text: str, problem_id: str = "b/code", **given: object) -> Row:
    return graded(problem_id=problem_id, text=text, cut=False, **given)


def code(body: str) -> str:
    return f"```python\n{body}\n```"


def test_a_cut_run_is_graded_from_the_hint_on() -> None:
    """The thinking part may have been cut inside a code block, which would hide the answer's."""
    text = "```python\ndef f(" + CODE_HINT + "```python\ndef f(): pass\n```"
    assert answer_text(text, True, CODE_HINT) == CODE_HINT + "```python\ndef f(): pass\n```"


def test_a_run_that_ended_is_graded_whole() -> None:
    """Its thinking is its answer, even if the model wrote the phrase itself."""
    assert answer_text("a" + CODE_HINT + "b", False, CODE_HINT) == "a" + CODE_HINT + "b"


def test_answers_that_read_the_same_are_one_text(rules: Rules, tmp_path: Path) -> None:
    """A run that ends early answers every larger budget, and its program need not run for each of them."""
    rows = [answer("7", thinking_budget=budget, sample=sample) for budget in (8, 16) for sample in range(3)]
    rows += [answer("7", "b/sum"), answer("8"), graded(problem_id="b/code", text="7", cut=True)]
    unchecked = [rules.unchecked(row) for row in rows]
    keys = dict.fromkeys(row["key"] for row in unchecked)
    assert len(keys) == 4
    paths = write_pieces(iter(unchecked), keys, 3, tmp_path / "pieces")
    assert [[row["key"] for row in read_rows(path)] for path in paths] == [list(keys)[:3], list(keys)[3:]]
    (path,) = write_pieces(iter(unchecked), dict.fromkeys(list(keys)[1:2]), 3, tmp_path / "pieces")
    assert [row["problem_id"] for row in read_rows(path)] == ["b/sum"]


def test_other_tests_or_limits_ask_for_other_verdicts(rules: Rules, tmp_path: Path) -> None:
    """And nothing else does: not a weaker sandbox that is allowed, nor what a problem is called in reports."""
    row = answer("7")
    changed = asked(CODE | {"cases": ["assert double(2) == 5"]})
    other = replace(rules, checks={**rules.checks, "b/code": check_digest(changed)})
    assert other.unchecked(row)["key"] != rules.unchecked(row)["key"]
    assert check_digest(asked() | {"difficulty": "easy"}) == check_digest(asked())
    folders = {
        replace(rules, sandbox=replace(rules.sandbox, **change)).folder(tmp_path)
        for change in ({}, {"require": False}, {"timeout_s": 9.0}, {"memory_mib": 99}, {"packages": ["numpy"]})
    }
    assert len(folders) == 4


def test_a_verdict_tells_its_kind_and_where_code_ran(rules: Rules, tmp_path: Path) -> None:
    """Wrong, broken and missing answers are different findings of a curve; so is code that ran without a sandbox."""
    rows = [
        *map(answer, (code("def double(x): return 2 * x"), code("def double(x): return 5"), "none", code("1 / 0"))),
        answer("The answer is \\boxed{7}.", "b/sum"),
    ]
    unchecked = [rules.unchecked(row) for row in rows]
    keys = [row["key"] for row in unchecked]
    (piece,) = write_pieces(iter(unchecked), dict.fromkeys(keys), 9, tmp_path / "pieces")
    check_piece(piece, rules, tmp_path / "verdicts")
    found = read_verdicts(tmp_path / "verdicts")
    assert [(found[key]["verdict"], found[key]["correct"], found[key]["sandbox"]) for key in keys] == [
        ("passed", True, "bubblewrap"),
        ("failed", False, "bubblewrap"),
        ("no_code", False, None),
        ("error", False, "bubblewrap"),
        ("passed", True, None),
    ]
    assert found[keys[4]]["answer"] == "7"


def test_a_check_that_failed_by_itself_is_made_again(tmp_path: Path) -> None:
    """Its answer is neither right nor wrong; once a later check reached a verdict, that one counts."""
    failed = {"key": "a", "answer": None, "correct": None, "verdict": "grader_error", "sandbox": None}
    write_rows([failed], tmp_path / "2.parquet", VERDICT)
    assert not is_settled(read_verdicts(tmp_path)["a"])
    for name in ("1", "3"):
        reached = failed | {"correct": name == "1", "verdict": "passed"}
        write_rows([reached], tmp_path / f"{name}.parquet", VERDICT)
        assert is_settled(read_verdicts(tmp_path)["a"])
        (tmp_path / f"{name}.parquet").unlink()


@pytest.mark.parametrize(
    ("num_texts", "width", "size"), [(3, 12, 1), (480, 12, 10), (10_000, 12, 16), (10_000, 1000, 2), (10**6, 12, 50)]
)
def test_tasks_keep_every_worker_busy_and_files_few(num_texts: int, width: int, size: int) -> None:
    """Twenty answers in two tasks would leave ten of twelve CPUs idle for minutes."""
    assert piece_size(num_texts, width) == size


def test_edited_tests_are_noticed_and_an_edited_question_is_refused(tmp_path: Path) -> None:
    """New tests judge the answers that are there; answers to another question must not be judged at all."""
    file, kept = tmp_path / "problems.jsonl", tmp_path / "problems.arrow"
    source = SourceConfig(kind="jsonl", path=str(file), name="maths")
    config = EvaluateConfig(models={"m": "m"}, benchmarks=[source], budgets=[4])
    line = '{"problem_id": "a", "question": "%s", "tests": {"kind": "reference", "reference": "%s"}}\n'
    file.write_text(line % ("1 + 1?", "3"))
    assert not are_edited(config, kept)
    write_problems(load_problems([source]), kept)
    assert not are_edited(config, kept)
    file.write_text(line % ("1 + 1?", "2"))
    assert are_edited(config, kept)
    require_same_questions(kept, load_problems([source]))
    file.write_text(line % ("1 + 2?", "3"))
    assert are_edited(config, kept)
    with pytest.raises(UserError, match=r"maths/a.*question(.|\n)*--force"):
        require_same_questions(kept, load_problems([source]))


@pytest.mark.ray
def test_a_killed_grading_goes_on_and_only_what_changed_is_graded_again(
    rules: Rules, ray_cluster: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It takes hours on the paper's benchmarks: neither a kill nor one more budget may cost what is found."""
    tests = CODE | {"setup": "import time; time.sleep(0.1)"}
    write_problems([asked(tests)], rules.problems)
    rules = replace(rules, checks={"b/code": check_digest(asked(tests))})
    rows = [answer(code(f"def double(x): return {n}"), thinking_budget=n, sample=s) for n in range(48) for s in (0, 1)]
    write_rows(rows[:80], tmp_path / "answers.parquet", EVALUATION_ROW)
    write_rows(rows[80:], tmp_path / "more.parquet", EVALUATION_ROW)
    verdicts = rules.folder(tmp_path / "verdicts")
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, str(tmp_path), rules.checks["b/code"]])
    try:
        wait_for(lambda: driver.poll() is not None or any(verdicts.glob("*.parquet")))
    finally:
        kill_tree(driver.pid)
        driver.wait()
    first = written(verdicts)
    assert first
    assert not (tmp_path / "rows.parquet").exists()
    assert grade([tmp_path / "answers.parquet"], tmp_path, rules, None)["num_rows"] == 80
    second = written(verdicts)
    assert second.items() >= first.items()
    both = [tmp_path / "answers.parquet", tmp_path / "more.parquet"]
    assert grade(both, tmp_path, rules, 2) == {
        "num_rows": 96,
        "verdicts": {"passed": 2, "failed": 94},
        "sandbox": {"bubblewrap": 96},
    }
    keys = [row["key"] for path in written(verdicts) for row in read_rows(path)]
    assert len(keys) == len(set(keys)) == 48
    assert written(verdicts).items() >= second.items()
    done = read_rows(tmp_path / "rows.parquet")
    assert [row["row_id"] for row in done] == [row["row_id"] for row in rows]
    assert [row["thinking_budget"] for row in done if row["correct"]] == [4, 4]
    assert "evaluate: grading: 48/48 rows" in capsys.readouterr().out
    assert not (tmp_path / "to-grade").exists()


DRIVER = """
import sys, ray
from pathlib import Path
from z1ray.evaluation.grade import grade
from z1ray.evaluation.verdicts import Rules
from z1ray.grading.config import SandboxConfig
from z1ray.window import CODE_HINT
ray.init(address="local", num_cpus=1, include_dashboard=False, object_store_memory=100_000_000)
output = Path(sys.argv[1])
rules = Rules(
    problems=output / "problems.arrow", checks={"b/code": sys.argv[2]}, hints={("m", "b", "x"): CODE_HINT},
    sandbox=SandboxConfig(timeout_s=10),
)
grade([output / "answers.parquet"], output, rules, None)
"""


def written(folder: Path) -> dict[Path, int]:
    """The files of verdicts, and when each was written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
