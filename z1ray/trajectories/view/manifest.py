"""Summary of a run for its manifest: counts, lengths, quarantine and cost, streamed over its rows."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from z1ray.trajectories.config import GenerateConfig
from z1ray.trajectories.progress.runs import RunRecord, read_runs
from z1ray.trajectories.requests.reasons import reason
from z1ray.trajectories.view.pick import data_files

_COLUMNS = ("mode", "request", "finish_reason", "num_prompt_tokens", "num_tokens", "error")
_SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}

# Rows that are counted at a time; files may hold very few each.
_CHUNK_ROWS = 1 << 17

# An engine may put part of a prompt into its message; so many kinds are told apart.
_MAX_REASONS = 100
_OTHER = "other"


@dataclass(slots=True)
class _Counted:
    """The rows of one mode; lengths are those of rows with a text, where known."""

    finish_reasons: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    lengths: Counter[int] = field(default_factory=Counter)
    num_prompt_tokens: int = 0
    num_generated_tokens: int = 0


def summarize(output: Path, config: GenerateConfig) -> dict[str, Any]:
    """Facts of a run for ``z1ray.artifacts.finish``; memory does not grow with the number of rows.

    ``output_tokens.histogram`` of a mode has one count per pair of neighbours in
    ``histogram_edges``: rows with ``edges[i] <= num_tokens < edges[i + 1]``. Quantiles are lengths
    that occur: the least one that such a share of the rows does not exceed. ``cost`` counts every
    run over the folder, killed ones until they were last seen, engine start-up included, and
    divides what the engines wrote by it; without GPUs there are only engine hours.

    Args:
        output: The stage's folder with its ``data`` and ``runs``.
        config: What it was generated with.
    """
    counted = _count([str(path) for path in data_files(output)[0]])
    longest = max((max(mode.lengths, default=0) for mode in counted.values()), default=0)
    edges = [0, *(1 << power for power in range(longest.bit_length() + 1))]
    num_rows = sum(mode.finish_reasons.total() for mode in counted.values())
    reasons = sum((mode.reasons for mode in counted.values()), Counter[str]())
    return {
        "num_trajectories": num_rows,
        "num_quarantined": reasons.total(),
        "quarantined": dict(reasons),
        "num_prompt_tokens": sum(mode.num_prompt_tokens for mode in counted.values()),
        "num_tokens": sum(_sum(mode.lengths) for mode in counted.values()),
        "histogram_edges": edges,
        "modes": {
            name: _mode_facts(mode, edges) | _how_generated(config, name) for name, mode in sorted(counted.items())
        },
        "seed": config.seed,
        "cost": _cost(read_runs(output), counted),
    }


def _count(data: list[str]) -> dict[str, _Counted]:
    counted: dict[str, _Counted] = {}
    for rows in _chunks(data):
        for mode in pc.unique(rows["mode"]).to_pylist():
            _add(counted.setdefault(mode, _Counted()), rows.filter(pc.equal(rows["mode"], mode)))
    return counted


def _chunks(data: list[str]) -> Iterator[pa.Table]:
    gathered: list[pa.RecordBatch] = []
    for batch in ds.dataset(data, format="parquet").to_batches(columns=list(_COLUMNS)):
        gathered.append(batch)
        if sum(each.num_rows for each in gathered) >= _CHUNK_ROWS:
            yield pa.Table.from_batches(gathered)
            gathered = []
    if gathered:
        yield pa.Table.from_batches(gathered)


def _add(counted: _Counted, rows: pa.Table) -> None:
    counted.finish_reasons += _counts(rows["finish_reason"])
    for error, number in _counts(rows["error"].drop_null()).items():
        kind = reason(error)
        known = kind in counted.reasons or len(counted.reasons) < _MAX_REASONS
        counted.reasons[kind if known else _OTHER] += number
    answered = rows.filter(pc.is_null(rows["error"]))
    # Trajectories from elsewhere have texts of which nobody counted the tokens.
    counted.lengths += _counts(answered["num_tokens"].drop_null())
    counted.num_prompt_tokens += pc.sum(answered["num_prompt_tokens"]).as_py() or 0
    generated = answered.filter(pc.is_valid(answered["request"]))
    counted.num_generated_tokens += pc.sum(generated["num_tokens"]).as_py() or 0


def _counts(column: pa.ChunkedArray) -> Counter[Any]:
    found = pc.value_counts(column)
    return Counter(dict(zip(found.field("values").to_pylist(), found.field("counts").to_pylist(), strict=True)))


def _mode_facts(mode: _Counted, edges: list[int]) -> dict[str, Any]:
    histogram = [0] * (len(edges) - 1)
    for length, number in mode.lengths.items():
        histogram[bisect_right(edges, length) - 1] += number
    return {
        "num_trajectories": mode.finish_reasons.total(),
        "num_quarantined": mode.reasons.total(),
        "finish_reasons": dict(mode.finish_reasons),
        "num_prompt_tokens": mode.num_prompt_tokens,
        "num_tokens": _sum(mode.lengths),
        "output_tokens": {**_quantiles(mode.lengths), "histogram": histogram},
    }


def _quantiles(lengths: Counter[int]) -> dict[str, int | None]:
    if not lengths:
        return dict.fromkeys((*_SHARES, "max"))
    values = sorted(lengths)
    cumulated = list(accumulate(lengths[value] for value in values))
    quantiles: dict[str, int | None] = {"max": values[-1]}
    for name, share in _SHARES.items():
        quantiles[name] = next(
            value for value, rows in zip(values, cumulated, strict=True) if rows >= share * cumulated[-1]
        )
    return quantiles


def _sum(lengths: Counter[int]) -> int:
    return sum(length * number for length, number in lengths.items())


def _how_generated(config: GenerateConfig, name: str) -> dict[str, Any]:
    """Who was asked and how; nothing for a mode that was read from elsewhere."""
    if name not in config.modes:
        return {}
    mode, teacher = config.modes[name], config.teacher_of(name)
    sampling = {"temperature": mode.temperature, "top_p": mode.top_p, "max_tokens": mode.max_tokens}
    return {"teacher": teacher, "model": config.teachers[teacher].model, "sampling": sampling}


def _cost(runs: list[RunRecord], counted: dict[str, _Counted]) -> dict[str, Any]:
    engine_s, gpu_s = sum(run.engine_seconds for run in runs), sum(run.gpu_seconds for run in runs)
    written = sum(mode.num_generated_tokens for mode in counted.values())
    return {
        "num_runs": len(runs),
        "num_killed_runs": sum(not run.ended for run in runs),
        "engine_hours": round(engine_s / 3600, 4),
        "gpu_hours": round(gpu_s / 3600, 4),
        "tokens_per_engine_second": round(written / engine_s, 2) if engine_s else None,
        "tokens_per_gpu_second": round(written / gpu_s, 2) if gpu_s else None,
    }
