"""All configured problems as one list of Problem rows, the same list every time."""

import random
from collections.abc import Callable, Iterable, Sequence

from z1ray.errors import UserError
from z1ray.problems import files, hub, humaneval, leetcode, reasoning_gym
from z1ray.problems.config import Kind, SourceConfig
from z1ray.records import Row

# What z1ray adds to a source's own text; says nothing about which problem it is.
INSTRUCTIONS = (leetcode.INSTRUCTION, humaneval.INSTRUCTION, reasoning_gym.INSTRUCTION)

_READERS: dict[Kind, Callable[[SourceConfig], Iterable[Row]]] = {
    "leetcode": leetcode.read,
    "humaneval": humaneval.read,
    "reasoning_gym": reasoning_gym.read,
    "hub": hub.read,
    "jsonl": files.read_jsonl,
    "parquet": files.read_parquet,
}


def load_problems(sources: Sequence[SourceConfig]) -> list[Row]:
    """The chosen problems of each source, sources in the order given, rows by id within one.

    Raises:
        UserError: If a source is missing or malformed, if nothing of it is left after its
            difficulty filter, or if two problems share an id.
    """
    rows: list[Row] = []
    for source in sources:
        rows += choose(_READERS[source.kind](source), source)
    _refuse_repeated(rows)
    return rows


def choose(rows: Iterable[Row], source: SourceConfig) -> list[Row]:
    """Filter by difficulty, then take at most ``limit`` rows, chosen by ``seed``; sorted by id.

    The choice depends on the set of rows alone, not on the order they are read in.
    """
    fitting = [row for row in rows if not source.difficulty or row["difficulty"] in source.difficulty]
    if not fitting:
        raise UserError(
            f"source {source.label!r}",
            source.path or source.kind,
            f"it has no problem of difficulty {source.difficulty}" if source.difficulty else "it has no problem",
            "leave `difficulty` out, or name another source",
        )
    fitting.sort(key=lambda row: str(row["problem_id"]))
    if source.limit is None or source.limit >= len(fitting):
        return fitting
    chosen = random.Random(source.seed).sample(fitting, source.limit)
    return sorted(chosen, key=lambda row: str(row["problem_id"]))


def _refuse_repeated(rows: Sequence[Row]) -> None:
    seen: set[str] = set()
    for row in rows:
        if row["problem_id"] in seen:
            raise UserError(
                f"problem_id (source {row['source']!r})",
                row["problem_id"],
                "two problems have this id",
                "give one of the sources its own `name`, or make the ids in the source unique",
            )
        seen.add(row["problem_id"])
