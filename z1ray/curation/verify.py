"""Running the tests of responses: the dear phase, done in small pieces so that a killed run loses little."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from z1ray.curation import store
from z1ray.curation.layout import Shared
from z1ray.curation.problems import Problems
from z1ray.curation.rows import NOT_PASSED, NOT_RUN, PASSED
from z1ray.curation.text.words import Array

# Of one task: few, for each may take seconds, but more where so many small files would be a burden.
_ROWS = 16
_MAX_PIECES = 20_000
NO_TESTS = "no_tests"
# A check that did not come about says nothing of the row.
_STATES = {True: PASSED, False: NOT_PASSED, None: NOT_RUN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows of one unit that are checked together.

    Attributes:
        unit: Name of the unit.
        start: Number of the unit's first row.
        rows: Numbers of the rows to check.
    """

    unit: str
    start: int
    rows: tuple[int, ...]

    @property
    def name(self) -> str:
        """What its file is called."""
        return f"{self.rows[0]:010d}"


def plan_pieces(rows: Array, starts: Array) -> list[Piece]:
    """Pieces of a few rows each.

    Args:
        rows: Numbers of the rows to check, ascending.
        starts: Number of each unit's first row.
    """
    units = np.searchsorted(starts, rows, side="right") - 1
    size = max(_ROWS, len(rows) // _MAX_PIECES)
    pieces = []
    for unit in np.unique(units).tolist():
        own = rows[units == unit].tolist()
        pieces += [
            Piece(unit=f"{unit:05d}", start=int(starts[unit]), rows=tuple(own[first : first + size]))
            for first in range(0, len(own), size)
        ]
    return pieces


def check_piece(piece: Piece, shared: Shared) -> dict[str, Any]:
    """Check the rows of a piece and write their verdicts. Returns the kind of sandbox they ran in."""
    from z1ray.grading import sandbox
    from z1ray.grading.verdict import check

    places = np.array(piece.rows) - piece.start
    table = pq.read_table(shared.layout.phase("clean") / f"{piece.unit}.parquet", columns=["text", "problem"])
    table = table.take(places)
    problems = Problems(shared.layout).rows(table["problem"].to_numpy())
    verdicts = [
        check(problem, text, shared.config.sandbox)
        for problem, text in zip(problems, table["text"].to_pylist(), strict=True)
    ]
    columns: dict[str, Any] = {
        "row": np.array(piece.rows),
        "verified": [_STATES[verdict.passed] for verdict in verdicts],
        "verdict": [verdict.verdict for verdict in verdicts],
    }
    store.write_columns(shared.layout.phase("verdicts") / f"{piece.name}.parquet", columns)
    return {"sandbox": sandbox.kind()}
