"""Grading the answers of an evaluation on the cluster: each text once, and none again after a kill.

What has no verdict yet is laid out in small files, which workers check and answer with a file of verdicts each;
texts never gather anywhere. See ``verdicts`` for what makes two answers the same.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from z1ray import parallel
from z1ray.connect import connect
from z1ray.evaluation.verdicts import UNCHECKED, Rules, check_piece, digest, is_settled, read_verdicts
from z1ray.files import remove, replacing, writing
from z1ray.progress import say
from z1ray.records import EVALUATION_ROW, Row, write_rows
from z1ray.rows import watch

# Few, for each may take a minute and a kill loses those of a piece; fewer where workers would wait for the last.
_ROWS = 16
_PIECES_PER_WORKER = 4
_MAX_PIECES = 20_000
_BATCH = 1024
_GRADED = ["model", "benchmark", "method", "problem_id", "text", "cut"]


def grade(answers: Sequence[Path], output: Path, rules: Rules, parallelism: int | None) -> dict[str, Any]:
    """Grade all answers, and write them in their order as ``rows.parquet``.

    Args:
        answers: Files of ``EVALUATION_ROW`` rows, verdicts missing.
        output: The stage's folder; verdicts are kept in its ``verdicts``.
        rules: What is right, and how long it may take.
        parallelism: Texts checked at a time at most; as many as the cluster has CPUs if None.

    Returns:
        For the manifest: the number of rows, of each verdict and of each sandbox.

    Raises:
        UserError: If a worker lacks the sandbox, or the folder cannot be written.
    """
    folder, pieces = rules.folder(output / "verdicts"), output / "to-grade"
    with writing(output):
        there = read_verdicts(folder)
        settled = {key for key, verdict in there.items() if is_settled(verdict)}
        missing = dict.fromkeys(row["key"] for row in _unchecked(answers, rules) if row["key"] not in settled)
        if missing:
            connect()
            size = piece_size(len(missing), parallelism or _num_cpus())
            paths = write_pieces(_unchecked(answers, rules), missing, size, pieces)
            say(f"evaluate: {len(missing):,} different answers to grade, {len(settled):,} are graded already")
            with watch("evaluate", "grading", folder, len(there.keys() | missing.keys())):
                for _ in parallel.each(paths, partial(check_piece, rules=rules, folder=folder), parallelism):
                    pass
            there = read_verdicts(folder)
        remove(pieces)
        return _write(answers, output / "rows.parquet", rules, there)


def piece_size(num_texts: int, width: int) -> int:
    """Texts of one task: enough tasks for ``width`` workers to end together, but not too many files."""
    return max(1, min(_ROWS, num_texts // (_PIECES_PER_WORKER * width)), num_texts // _MAX_PIECES)


def write_pieces(unchecked: Iterator[Row], wanted: Mapping[str, None], size: int, folder: Path) -> list[Path]:
    """Lay out the texts of the keys ``wanted``, each once, in files of ``size`` rows."""
    remove(folder)
    left, paths = dict(wanted), list[Path]()
    rows = (row for row in unchecked if left.pop(row["key"], row) is None)
    while piece := list(islice(rows, size)):
        # By what it holds, so that no later run's piece of another content takes the place of its verdicts.
        paths.append((folder / f"{digest([row['key'] for row in piece])[:32]}.parquet").absolute())
        write_rows(piece, paths[-1], UNCHECKED)
    return paths


def _unchecked(answers: Sequence[Path], rules: Rules) -> Iterator[Row]:
    for batch in _batches(answers, _GRADED):
        yield from map(rules.unchecked, batch.to_pylist())


def _batches(answers: Sequence[Path], columns: list[str]) -> Iterator[pa.RecordBatch]:
    for path in answers:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(_BATCH, columns=columns)


def _write(answers: Sequence[Path], path: Path, rules: Rules, verdicts: Mapping[str, Row]) -> dict[str, Any]:
    """Every answer with its verdict."""
    told, sandboxes = Counter[str](), Counter[str]()
    with ExitStack() as stack:
        partial_path = stack.enter_context(replacing(path))
        writer = stack.enter_context(pq.ParquetWriter(partial_path, EVALUATION_ROW))
        for batch in _batches(answers, EVALUATION_ROW.names):
            rows = [row | _columns(verdicts[rules.unchecked(row)["key"]]) for row in batch.to_pylist()]
            told.update(row["verdict"] for row in rows)
            sandboxes.update(row["sandbox"] for row in rows if row["sandbox"])
            writer.write_table(pa.Table.from_pylist(rows, schema=EVALUATION_ROW))
    return {"num_rows": told.total(), "verdicts": dict(told), "sandbox": dict(sandboxes)}


def _columns(verdict: Row) -> Row:
    return {name: verdict[name] for name in ("answer", "correct", "verdict", "sandbox")}


def _num_cpus() -> int:
    import ray

    return int(ray.cluster_resources()["CPU"])  # type: ignore[no-untyped-call]
