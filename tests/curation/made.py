"""A small folder of trajectories that holds one row for every reason to be dropped."""

import time
from typing import Any

from z1ray import artifacts
from z1ray.curation.config import CurateConfig
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.records import PROBLEM, TRAJECTORY, Row, problem, read_rows, trajectory_id, write_rows
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig

HUMANEVAL = SourceConfig(kind="humaneval", limit=4)
DOUBLE = {"kind": "python", "cases": ["assert double(2) == 4", "assert double(5) == 10"]}
RIGHT = "<think>\nTwice the number.\n</think>\n```python\ndef double(x):\n    return 2 * x\n```"
LONG = "I start with the sum, since doubling is adding a number to itself. " * 6 + RIGHT.replace("2 * x", "x + x")

# (problem, mode, sample): text, changed columns, and what becomes of it
ROWS: dict[Any, Any] = {
    ("double", "short", 0): (RIGHT, {}, None),
    ("double", "long", 0): (LONG, {}, None),
    ("double", "short", 1): (RIGHT.replace("2 * x", "x"), {}, "tests_failed"),
    ("double", "short", 2): (RIGHT, {}, "duplicate"),
    ("double", "long", 1): ("```python\nimport time; time.sleep(60)\n```", {}, "tests_failed"),
    ("double", "long", 2): ("```python\ndef double(", {"finish_reason": "length"}, "truncated"),
    ("double", "long", 3): ("<think>\n\n</think>", {}, "empty"),
    ("double", "long", 4): (None, {"finish_reason": "error", "error": "too long", "num_tokens": 0}, "failed"),
    ("copied", "short", 0): (RIGHT, {}, "contaminated"),
    ("open", "short", 0): ("It depends on whom you ask.", {}, "unverified"),
}


def name_of(key):
    return trajectory_id(f"mine/{key[0]}", key[1], key[2])


REASONS = {name_of(key): reason for key, (_, _, reason) in ROWS.items()}


def write_trajectories(folder, problems, rows):
    config = GenerateConfig(
        teachers={"t": TeacherConfig(model="m")},
        problems=[SourceConfig(kind="jsonl", path="x")],
        modes={"short": ModeConfig(), "long": ModeConfig()},
    )
    artifacts.begin(folder, config)
    write_rows(problems, folder / "problems.parquet", PROBLEM)
    half = len(rows) // 2
    for number, part in enumerate((rows[:half], rows[half:])):
        write_rows(part, folder / "data" / f"{number}.parquet", TRAJECTORY)
    artifacts.finish(folder, time.time())
    return str(folder)


def some_problems(*, tests=True):
    copied = load_problems([HUMANEVAL])[0]["question"]
    return [
        problem(problem_id="mine/double", source="mine", question="Double it.", tests=DOUBLE if tests else None),
        problem(problem_id="mine/copied", source="mine", question=f"Please: {copied}", tests=DOUBLE if tests else None),
        problem(problem_id="mine/open", source="mine", question="Who is right?"),
    ]


def some_rows():
    blank: Row = {**dict.fromkeys(TRAJECTORY.names), "num_tokens": 999, "finish_reason": "stop"}
    return [
        {
            **blank,
            "trajectory_id": name_of(key),
            "problem_id": f"mine/{key[0]}",
            "mode": key[1],
            "sample": key[2],
            "text": text,
            **changes,
        }
        for key, (text, changes, _) in ROWS.items()
    ]


def make_config(folder, tokenizer):
    return CurateConfig(
        trajectories=write_trajectories(folder / "trajectories", some_problems(), some_rows()),
        tokenizer=str(tokenizer),
        keep="verified",
        benchmarks=[HUMANEVAL],
        parallelism=2,
        sandbox=SandboxConfig(timeout_s=3),
    )


def examples_of(output):
    return {row["trajectory_id"]: row for row in read_rows(output / "data")}
