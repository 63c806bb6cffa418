"""What the driver knows of all rows: numbers only, some fifty bytes a row."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.curation import store
from z1ray.curation.clean import EMPTY, FAILED, TRUNCATED
from z1ray.curation.ids import id_ranks
from z1ray.curation.layout import Layout
from z1ray.curation.text.words import Array
from z1ray.curation.units import Unit

REASONS = (
    None,
    "other_source",
    "failed",
    "empty",
    "truncated",
    "contaminated",
    "tests_failed",
    "unverified",
    "duplicate_question",
    "duplicate",
    "not_chosen",
    "over_token_budget",
)
"""Why a row is dropped, in the order in which rows are looked at; None is kept."""

NOT_RUN, NOT_PASSED, PASSED = -1, 0, 1


@dataclass(slots=True, kw_only=True)
class Rows:
    """One entry per row in each array; ``reason``, ``verified``, ``duplicate_of`` and ``gram`` are filled in.

    Attributes:
        ranks: Position of the row's id among all ids.
        problem: Number of its problem.
        num_tokens: Tokens of its text.
        mode: Number of its mode in ``modes``.
        modes: Names of the modes, in order.
        difficulty: Number of its problem's difficulty in ``layout.DIFFICULTIES``.
        has_tests: Whether its problem has tests.
        random: A hash of the id.
        exact: A hash of the text's words.
        reason: Number in ``REASONS``.
        verified: NOT_RUN, NOT_PASSED or PASSED.
        verdict: Number of the verdict in ``verdicts``; the first, None, is that of rows that were not looked at.
        verdicts: Verdicts met.
        duplicate_of: Number of the row that stays in its place; -1 for none.
        gram: Number of the benchmark's run of words that it shares; -1 for none.
    """

    ranks: Array
    problem: Array
    num_tokens: Array
    mode: Array
    modes: list[str]
    difficulty: Array
    has_tests: Array
    random: Array
    exact: Array
    reason: Array
    verified: Array
    verdict: Array
    verdicts: list[str | None]
    duplicate_of: Array
    gram: Array

    def __len__(self) -> int:
        return len(self.ranks)

    @property
    def kept(self) -> Array:
        """Which rows are not dropped so far."""
        kept: Array = self.reason == 0
        return kept

    def drop(self, rows: Array, reason: str) -> None:
        """Drop the rows with these numbers for that reason; one that is dropped already keeps its first."""
        fresh = rows[self.reason[rows] == 0]
        self.reason[fresh] = REASONS.index(reason)

    def set_verdict(self, rows: Array, verdict: str) -> None:
        """Record the verdict on the rows with these numbers."""
        if verdict not in self.verdicts:
            self.verdicts.append(verdict)
        self.verdict[rows] = self.verdicts.index(verdict)

    def order(self) -> Array:
        """Rank of each row as the survivor among its like: verified first, then the longest, then by id."""
        best = np.lexsort((self.ranks, -self.num_tokens, -self.verified))
        ranks = np.empty(len(self), dtype=np.int64)
        ranks[best] = np.arange(len(self))
        return ranks


def read_numbers(layout: Layout) -> Rows:
    """The rows as the row-wise phase left them."""
    names = ("problem", "num_tokens", "id_hash", "exact", "state")
    found = store.read_columns(layout.phase("rows"), names)
    problems = store.read_columns(layout.phase("questions"), ("difficulty", "has_tests", "used"))
    mode, modes = _modes(layout)
    num = len(found["problem"])
    reason = np.zeros(num, dtype=np.int8)
    for state, name in ((FAILED, "failed"), (EMPTY, "empty"), (TRUNCATED, "truncated")):
        reason[found["state"] == state] = REASONS.index(name)
    reason[~problems["used"][found["problem"]]] = REASONS.index("other_source")
    return Rows(
        ranks=id_ranks(layout),
        problem=found["problem"],
        num_tokens=found["num_tokens"],
        mode=mode,
        modes=modes,
        difficulty=problems["difficulty"][found["problem"]],
        has_tests=problems["has_tests"][found["problem"]],
        random=found["id_hash"],
        exact=found["exact"],
        reason=reason,
        verified=np.full(num, NOT_RUN, dtype=np.int8),
        verdict=np.zeros(num, dtype=np.int8),
        verdicts=[None],
        duplicate_of=np.full(num, -1, dtype=np.int64),
        gram=np.full(num, -1, dtype=np.int64),
    )


def unit_starts(units: list[Unit]) -> Array:
    """Number of the first row of each unit."""
    return np.array([unit.start for unit in units], dtype=np.int64)


def _modes(layout: Layout) -> tuple[Array, list[str]]:
    parts = [
        pq.read_table(path, columns=["mode"])["mode"].dictionary_encode()
        for path in sorted(layout.phase("rows").glob("*.parquet"))
    ]
    column = pa.chunked_array([chunk for part in parts for chunk in part.chunks]).unify_dictionaries()
    names = column.chunk(0).dictionary.to_pylist()
    order = np.argsort(np.array(names))
    place = np.empty(len(names), dtype=np.int16)
    place[order] = np.arange(len(names))
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in column.chunks])
    return place[codes], sorted(names)
