"""The first phase: problems as files that any task can look into, and what their questions are compared by."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa

from z1ray.curation import store
from z1ray.curation.benchmark import Hits, solutions
from z1ray.curation.decontaminate import QUESTION, REFERENCE, WHOLE
from z1ray.curation.layout import DIFFICULTIES, Layout, Shared
from z1ray.curation.text.sketch import sketch, sketch_columns
from z1ray.curation.text.words import Array, Words
from z1ray.curation.units import Unit, read_unit
from z1ray.errors import UserError
from z1ray.files import replacing
from z1ray.records import PROBLEM, Row


def prepare_problems(unit: Unit, shared: Shared) -> dict[str, int]:
    """Write the unit's problems, their keys, shingles and what they share with benchmarks."""
    keys, shingles, hits = [], [], []
    folder = shared.layout.phase("problems")
    start = unit.start
    with (
        replacing(folder / f"{unit.name}.arrow") as partial,
        pa.OSFile(str(partial), "wb") as sink,
        pa.ipc.new_file(sink, PROBLEM) as writer,
    ):
        for table in read_unit(unit, PROBLEM.names):
            writer.write_table(table.cast(PROBLEM))
            rows = table.to_pylist()
            words = Words([row["question"] for row in rows], shared.index.boilerplate)
            found = sketch(words, shared.question_bands)
            shingles.append(found.shingles)
            keys.append(_keys(rows, shared.config.sources) | sketch_columns(found))
            hits += _hits(rows, words, start, shared)
            start += len(rows)
    store.write_numbers(shared.layout.phase("question-shingles") / f"{unit.name}.npy", np.concatenate(shingles))
    store.write_columns(shared.layout.phase("question-hits") / f"{unit.name}.parquet", store.joined(hits))
    store.write_columns(shared.layout.phase("questions") / f"{unit.name}.parquet", store.joined(keys))
    return {"rows": unit.num_rows}


class Problems:
    """All problems, looked up by id from any task.

    Args:
        layout: Of a folder whose problems are prepared.
    """

    def __init__(self, layout: Layout) -> None:
        self._table = store.mapped_table(layout.phase("problems"))
        keys = layout.phase("questions")
        self._hashes, self._places = _sorted_hashes(keys, keys.stat().st_mtime_ns)

    def places(self, ids: list[str]) -> Array:
        """Number of the problem of each id.

        Raises:
            UserError: If there is none.
        """
        hashes = store.id_hashes(ids)
        found = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
        missing = np.flatnonzero(self._hashes[found] != hashes)
        if len(missing):
            raise UserError(
                "curate.trajectories",
                ids[missing[0]],
                "a trajectory names this problem, but problems.parquet has none of that id",
                "generate the trajectories anew, or add the problem",
            )
        places: Array = self._places[found]
        return places

    def column(self, places: Array, name: str) -> pa.ChunkedArray:
        """One column of the problems at these numbers."""
        return self._table[name].take(pa.array(places))

    def rows(self, places: Array) -> list[Row]:
        """The problems at these numbers."""
        rows: list[Row] = self._table.take(pa.array(places)).to_pylist()
        return rows


@lru_cache(maxsize=4)
def _sorted_hashes(folder: Path, changed: int) -> tuple[Array, Array]:
    hashes = store.read_columns(folder, ["id_hash"])["id_hash"]
    order = np.argsort(hashes)
    return hashes[order], order


def _keys(rows: list[Row], sources: Sequence[str]) -> dict[str, Array]:
    return {
        "id_hash": store.id_hashes(row["problem_id"] for row in rows),
        "has_tests": np.array([row["tests"] is not None for row in rows]),
        "used": np.array([not sources or row["source"] in sources for row in rows]),
        "difficulty": np.array([DIFFICULTIES.index(row["difficulty"]) for row in rows], dtype=np.int8),
    }


def _hits(rows: list[Row], words: Words, start: int, shared: Shared) -> list[dict[str, Array]]:
    texts = [(number, text) for number, row in enumerate(rows) for text in solutions(row)]
    owners = np.array([number for number, _ in texts], dtype=np.int64)
    solved = Words([text for _, text in texts])
    found = shared.index.find(solved)
    return [
        _hit_columns(shared.index.find(words), start, QUESTION),
        _hit_columns(shared.index.find_questions(words), start, WHOLE),
        _hit_columns(Hits(owners[found.texts], found.words, found.grams), start, REFERENCE),
    ]


def _hit_columns(hits: Hits, start: int, field: int) -> dict[str, Array]:
    return {
        "problem": start + hits.texts,
        "gram": hits.grams,
        "field": np.full(len(hits.texts), field, dtype=np.int8),
    }
