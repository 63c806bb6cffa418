"""Verdicts on answers, kept by what decides them: an answer's text, its problem's tests and the limits.

So answers that read the same are checked once, whatever budget or sample gave them, and a verdict holds until the
tests or a limit become others. A folder per set of limits has them in Parquet files, each written whole by one task.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray import identity
from z1ray.evaluation.problems import read_problems
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import GRADER_ERROR, check
from z1ray.records import Row, read_rows, write_rows

UNCHECKED = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("problem_id", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        ("hint", pa.string()),  # ends the thinking in ``text``; null if the run was not cut
    ]
)

VERDICT = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        ("answer", pa.string()),
        ("correct", pa.bool_()),
        pa.field("verdict", pa.string(), nullable=False),
        ("sandbox", pa.string()),
    ]
)

# What a check reads of a problem.
_CHECKED = ("problem_id", "tests", "entry_point", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the answers of an evaluation are graded by.

    Attributes:
        problems: File of the problems, see ``problems``.
        checks: A digest of each problem's tests, by its id.
        hints: What ends thinking that is cut, by model, benchmark and method.
        sandbox: Limits for running code.
    """

    problems: Path
    checks: Mapping[str, str]
    hints: Mapping[tuple[str, str, str], str]
    sandbox: SandboxConfig

    def unchecked(self, row: Row) -> Row:
        """An evaluation row as one of ``UNCHECKED``."""
        hint = self.hints[row["model"], row["benchmark"], row["method"]]
        text, shown = answer_text(row["text"], row["cut"], hint), hint if row["cut"] else None
        key = digest([self.checks[row["problem_id"]], text, shown])
        return {"key": key, "problem_id": row["problem_id"], "text": text, "hint": shown}

    def folder(self, verdicts: Path) -> Path:
        """Where the verdicts under these limits lie."""
        return verdicts / digest(identity.values(self.sandbox))[:16]


def answer_text(text: str, cut: bool, hint: str) -> str:
    """What is graded: all of the text, or from the hint on where the run was cut.

    A cut may fall inside a code block, so the thinking part would confuse the search for one.
    The first hint counts: an answer may repeat it.
    """
    return text[max(0, text.find(hint)) :] if cut else text


def check_digest(problem: Row) -> str:
    """A digest of what a check reads of a problem."""
    return digest([problem[name] for name in _CHECKED])


def digest(value: object) -> str:
    """A hash of plain data, the same in every process."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def check_piece(piece: Path, rules: Rules, folder: Path) -> None:
    """Check the rows of a file of ``UNCHECKED`` and write their verdicts under the same name."""
    rows = read_rows(piece)
    problems = read_problems(rules.problems, {row["problem_id"] for row in rows})
    write_rows(
        (_checked(row, problems[row["problem_id"]], rules.sandbox) for row in rows), folder / piece.name, VERDICT
    )


def read_verdicts(folder: Path) -> dict[str, Row]:
    """The verdicts that are there, by key; one that was reached goes before a check that failed."""
    found: dict[str, Row] = {}
    for path in sorted(folder.glob("*.parquet")):
        for row in pq.read_table(path).to_pylist():
            if row["key"] not in found or not is_settled(found[row["key"]]):
                found[row["key"]] = row
    return found


def is_settled(verdict: Row) -> bool:
    """False for a check that failed by itself, which is made again when there is something to grade anyway."""
    return bool(verdict["verdict"] != GRADER_ERROR)


def _checked(row: Row, problem: Row, sandbox: SandboxConfig) -> Row:
    found = check(problem, row["text"], sandbox, hints=[] if row["hint"] is None else [row["hint"]])
    return {
        "key": row["key"],
        "answer": found.answer,
        "correct": found.passed,
        "verdict": found.verdict,
        "sandbox": found.sandbox,
    }
