"""The row-wise phase: untagged texts with their question and tokens, and what they are compared by."""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.curation import store
from z1ray.curation.layout import Shared
from z1ray.curation.problems import Problems
from z1ray.curation.text.sketch import sketch, sketch_columns
from z1ray.curation.text.words import Array, Words
from z1ray.curation.tokens import num_tokens
from z1ray.curation.units import Unit, read_unit
from z1ray.curation.untag import untag
from z1ray.files import replacing
from z1ray.records import TRAJECTORY

CLEAN = pa.schema([*TRAJECTORY, ("question", pa.string()), pa.field("problem", pa.int64(), nullable=False)])
"""Rows between this phase and the last: a trajectory with its question and its problem's number."""

USABLE, FAILED, EMPTY, TRUNCATED = range(4)


def clean(unit: Unit, shared: Shared) -> dict[str, Any]:
    """Write the unit's rows, their keys, shingles and what they share with benchmarks.

    Returns:
        ``rows``, and ``stayed``: what looked like a tag and was left in, with counts.
    """
    problems, layout = Problems(shared.layout), shared.layout
    keys: list[dict[str, Any]] = []
    shingles, hits, stayed = [], [], Counter[str]()
    start = unit.start
    with (
        replacing(layout.phase("clean") / f"{unit.name}.parquet") as partial,
        pq.ParquetWriter(partial, CLEAN) as writer,
    ):
        for table in read_unit(unit, TRAJECTORY.names):
            texts, left = _untagged(table["text"].to_pylist())
            stayed.update(left)
            places = problems.places(table["problem_id"].to_pylist())
            tokens = num_tokens(texts, shared.config.tokenizer)
            writer.write_table(_rows(table, texts, tokens, places, problems))
            words = Words([text or "" for text in texts])
            found = sketch(words, shared.response_bands)
            shingles.append(found.shingles)
            keys.append(_facts(table, texts, shared.config.keep_truncated) | {"problem": places, "num_tokens": tokens})
            keys[-1] |= sketch_columns(found)
            hits.append(_hits(words, places, start, shared))
            start += len(table)
    store.write_numbers(layout.phase("shingles") / f"{unit.name}.npy", np.concatenate(shingles))
    store.write_columns(layout.phase("hits") / f"{unit.name}.parquet", store.joined(hits))
    store.write_columns(layout.phase("rows") / f"{unit.name}.parquet", store.joined(keys))
    return {"rows": unit.num_rows, "stayed": dict(stayed)}


def state(text: str | None, finish_reason: str | None, error: str | None, keep_truncated: bool) -> int:
    """What a row is in itself: usable, failed, empty or truncated."""
    if error is not None:
        return FAILED
    if not text:
        return EMPTY
    return TRUNCATED if finish_reason == "length" and not keep_truncated else USABLE


def _untagged(texts: list[str | None]) -> tuple[list[str | None], Counter[str]]:
    stayed, clean = Counter[str](), []
    for text in texts:
        found = untag(text or "")
        stayed.update(found.stayed)
        clean.append(None if text is None else found.text.strip())
    return clean, stayed


def _rows(table: pa.Table, texts: list[str | None], tokens: Array, places: Array, problems: Problems) -> pa.Table:
    columns = {name: table[name] for name in table.column_names}
    columns |= {"text": pa.array(texts, pa.string()), "num_tokens": pa.array(tokens, pa.int32())}
    columns |= {"question": problems.column(places, "question"), "problem": pa.array(places)}
    return pa.table({name: columns[name] for name in CLEAN.names}, schema=CLEAN)


def _facts(table: pa.Table, texts: list[str | None], keep_truncated: bool) -> dict[str, Any]:
    reasons, errors = table["finish_reason"].to_pylist(), table["error"].to_pylist()
    states = [state(*each, keep_truncated) for each in zip(texts, reasons, errors, strict=True)]
    return {
        "state": np.array(states, dtype=np.int8),
        "mode": np.array(table["mode"].to_pylist(), dtype=object),
        "id_hash": store.id_hashes(table["trajectory_id"].to_pylist()),
    }


def _hits(words: Words, places: Array, start: int, shared: Shared) -> dict[str, Array]:
    hits = shared.index.find(words)
    return {"problem": places[hits.texts], "row": start + hits.texts, "gram": hits.grams}
