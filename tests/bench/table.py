"""The real request table of five million problems in two modes, and what memory writing it takes.

A process of its own reads the problems from a Parquet file and writes the table with
the stage's code, as the driver of a run does, while this one watches its memory:

- ``request_rows``: rows in the footers of the table's parts.
- ``driver_peak_gib``: peak of anonymous memory (``RssAnon``, every 20 ms): what a
  process cannot give back. ``driver_max_rss_gib`` has the pages of mapped files too,
  which the system takes back when it needs them.
- ``request_table_gib``, ``problems_gib``: on disk.
- ``table_seconds``: of the whole process.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.requests.table import parts, write_table

NUM_PROBLEMS = 5_000_000
QUESTION_CHARS = 200
# What the problems, the table and the scratch file may take at most.
NEEDED_GIB = 12
FOLDER = Path("runs") / "bench" / "table"
_CHUNK = 100_000
_GIB = 1 << 30


def measure_table() -> dict[str, Any]:
    """Write problems, then their table in a process of its own; figures as above. Leaves nothing behind."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        free = shutil.disk_usage(FOLDER).free // _GIB
        if free < NEEDED_GIB:
            raise UserError("disk", f"{free} GiB free", f"the table needs up to {NEEDED_GIB} GiB", "make room")
        write_source(FOLDER / "source.parquet", NUM_PROBLEMS)
        started = time.perf_counter()
        command = [sys.executable, "-m", "tests.bench.table", str(FOLDER)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        peak = _watch(process)
        seconds = time.perf_counter() - started
        said: dict[str, Any] = json.loads(_output(process).splitlines()[-1])
        return said | {"driver_peak_gib": round(peak / _GIB, 3), "table_seconds": round(seconds)}
    finally:
        shutil.rmtree(FOLDER)


def write_source(path: Path, num_problems: int) -> None:
    """Problems with questions of varied length and text, streamed."""
    rng = np.random.default_rng(0)
    schema = pa.schema([("id", pa.string()), ("question", pa.string()), ("difficulty", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, num_problems, _CHUNK):
            writer.write_table(_problems(start, min(_CHUNK, num_problems - start), rng, schema))


def _problems(start: int, num: int, rng: np.random.Generator, schema: pa.Schema) -> pa.Table:
    words = np.array([bytes(rng.integers(97, 123, size)).decode() for size in rng.integers(2, 10, 20_000)])
    text = " ".join(rng.choice(words, 1_000_000))
    lengths = rng.lognormal(np.log(QUESTION_CHARS), 0.4, num).astype(int)
    places = rng.integers(0, len(text) - lengths)
    labels = np.array(["easy", "medium", "hard", None])[rng.integers(0, 4, num)]
    columns = {
        "id": [f"{number:07d}" for number in range(start, start + num)],
        "question": [text[place : place + length] for place, length in zip(places, lengths, strict=True)],
        "difficulty": labels.tolist(),
    }
    return pa.table(columns, schema=schema)


def _watch(process: "subprocess.Popen[str]") -> int:
    """The largest amount of anonymous memory that a process is seen with, in bytes; returns at its end."""
    peak = 0
    while process.poll() is None:
        peak = max([peak, *_anonymous(process.pid)])
        time.sleep(0.02)
    return peak


def _anonymous(pid: int) -> Iterator[int]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return (int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))


def _output(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, process.args, output)
    return output


def main() -> None:
    """What the driver does before the first request is asked."""
    folder = Path(sys.argv[1])
    modes = {"short": ModeConfig(max_tokens=4096), "long": ModeConfig(max_tokens=14_336)}
    source = SourceConfig(kind="parquet", path=str(folder / "source.parquet"), columns={"problem_id": "id"})
    config = GenerateConfig(teachers={"teacher": TeacherConfig(model="none")}, problems=[source], modes=modes)
    num_requests = write_table(config, iter_problems([source]), folder)
    rows = sum(pq.read_metadata(path).num_rows for path in parts(folder))
    assert rows == num_requests
    figures = {
        "request_rows": rows,
        "num_parts": len(parts(folder)),
        "request_table_gib": round(sum(path.stat().st_size for path in parts(folder)) / _GIB, 3),
        "problems_gib": round((folder / "problems.parquet").stat().st_size / _GIB, 3),
        "driver_max_rss_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20), 3),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
