"""The problems of an evaluation, kept in a file: what the answers that are there were asked and are graded by.

Workers map the file into memory, so grading an answer reads its own problem's tests and no other's.
"""

from collections.abc import Collection, Sequence
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.files import replacing
from z1ray.problems.load import load_problems
from z1ray.records import PROBLEM, Row

FILE = "problems.arrow"

_ROWS_PER_BATCH = 64  # tests may take megabytes
# What somebody may have changed under the same name; embedded problems and hub datasets stay what they are.
_EDITABLE = {"jsonl", "json", "csv", "parquet"}


def write_problems(problems: Sequence[Row], path: Path) -> None:
    """Write problems so that each can be read alone."""
    left = iter(problems)
    with replacing(path) as partial, pa.OSFile(str(partial), "wb") as sink, pa.ipc.new_file(sink, PROBLEM) as writer:
        while some := list(islice(left, _ROWS_PER_BATCH)):
            writer.write_table(pa.Table.from_pylist(some, schema=PROBLEM))


def read_problems(path: Path, ids: Collection[str]) -> dict[str, Row]:
    """The problems of these ids, as far as there are any, by id."""
    table = _mapped(path)
    chosen = table.filter(pc.is_in(table["problem_id"], pa.array(ids, pa.string())))
    return {row["problem_id"]: row for row in chosen.to_pylist()}


def require_same_questions(path: Path, problems: Sequence[Row]) -> None:
    """Refuse a problem whose answers that are there were given to another question.

    Args:
        path: The file of an earlier start, if there was one.
        problems: The problems now.

    Raises:
        UserError: For the first such problem.
    """
    if not path.exists():
        return
    table = _mapped(path).select(["problem_id", "question"])
    asked = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
    for problem in problems:
        if asked.get(problem["problem_id"], problem["question"]) != problem["question"]:
            raise UserError(
                f"problem {problem['problem_id']!r}: question",
                problem["question"][:80],
                "its answers that are there were given to another question",
                "give the benchmark another `name`, or pass --force to ask all anew",
            )


def are_edited(config: EvaluateConfig, path: Path) -> bool:
    """Whether a benchmark that lies in files has other problems than those of an earlier start."""
    files = [source for source in config.benchmarks if source.kind in _EDITABLE]
    if not files or not path.exists():
        return False
    now = pa.Table.from_pylist(load_problems(files), schema=PROBLEM).to_pylist()
    problems = {row["problem_id"]: row for row in now}
    return problems != read_problems(path, problems.keys())


def _mapped(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
