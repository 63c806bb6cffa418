"""What each source of problems became, and a few rows of each, for people to look at before a model is asked."""

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems
from z1ray.records import Row
from z1ray.terminal import printable

# The file and row that a reason begins with.
_PLACE = re.compile(r"^.*?, row [0-9]+: ")
_LONGEST = 2000  # letters shown of a text


@dataclass
class Found:
    """What was counted of a source.

    Attributes:
        num_rows: Its rows.
        difficulties: Usable rows by difficulty.
        tests: Usable rows by what their tests are.
        num_solved: Usable rows with a reference solution.
        errors: Unusable rows by reason, without the place where each lies.
        chosen: Rows to show, a random choice.
    """

    num_rows: int = 0
    difficulties: Counter[str] = field(default_factory=Counter)
    tests: Counter[str] = field(default_factory=Counter)
    num_solved: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    chosen: list[Row] = field(default_factory=list)


def show_problems(sources: Sequence[SourceConfig], num: int = 5, seed: int = 0) -> None:
    """Read every source to its end, and print what it became and ``num`` of its rows.

    Raises:
        UserError: As for ``iter_problems``, and if there is no source.
    """
    if not sources:
        raise UserError("generate.problems", [], "there is no source", "configure one")
    for source in sources:
        found = count(iter_problems([source]), num, seed)
        for row in found.chosen:
            print(printable(_shown(row)))
        print(printable(_summary(source, found)))


def count(rows: Iterable[Row], num: int, seed: int) -> Found:
    """Count rows and choose some of the usable ones, each as likely as another."""
    found, rng, num_usable = Found(), random.Random(seed), 0
    for row in rows:
        found.num_rows += 1
        about = json.loads(row["metadata"])
        if not row["question"]:
            found.errors[_PLACE.sub("", about["error"], count=1)] += 1
            continue
        found.difficulties[row["difficulty"] or "unknown"] += 1
        found.tests[_kind(row)] += 1
        found.num_solved += "solution" in about
        num_usable += 1
        if len(found.chosen) < num:
            found.chosen.append(row)
        elif (place := rng.randrange(num_usable)) < num:
            found.chosen[place] = row
    return found


def _kind(row: Row) -> str:
    return "none" if row["tests"] is None else str(row["tests"]["kind"])


def _summary(source: SourceConfig, found: Found) -> str:
    lines = {
        "rows": f"{found.num_rows:,}, shown {len(found.chosen):,}",
        "difficulty": _counts(found.difficulties),
        "tests": _counts(found.tests),
        "solutions": f"{found.num_solved:,}",
    }
    if found.errors:
        lines["not usable"] = _counts(found.errors)
    head = f"== source {source.label} ({source.path or source.kind})"
    return "\n".join([head, *(f"{name:<15}{value}" for name, value in lines.items()), ""])


def _counts(counts: Counter[str]) -> str:
    return "; ".join(f"{count:,} {name}" for name, count in counts.most_common(5))


def _shown(row: Row) -> str:
    facts = {
        "difficulty": row["difficulty"] or "unknown",
        "tests": _tests(row),
        "called": row["entry_point"] or "",
        "solution": _cut(json.loads(row["metadata"]).get("solution") or "").replace("\n", f"\n{'':<15}"),
    }
    lines = [f"{name:<15}{value}" for name, value in facts.items() if value]
    return "\n".join([f"-- {row['problem_id']}", *lines, "-- question", _cut(row["question"]), ""])


def _tests(row: Row) -> str:
    """The kind of the tests, how many there are, and the first."""
    tests = row["tests"]
    if tests is None:
        return "none"
    if tests["kind"] == "reference":
        return f"reference, {_cut(tests['reference'], 200)!r}"
    given = tests["inputs"] or tests["cases"] or []
    first = f"{given[0][:100]!r}" + (f" gives {tests['outputs'][0][:100]!r}" if tests["outputs"] else "")
    return f"{tests['kind']}, {len(given):,}; the first: {first}"


def _cut(text: str, longest: int = _LONGEST) -> str:
    return text if len(text) <= longest else f"{text[:longest]} ... ({len(text):,} letters)"
