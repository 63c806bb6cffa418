"""Curation at the paper's size, and how its time and memory grow: `make bench-curate`.

Synthetic trajectories of realistic lengths (those of ``workload``: two modes, lognormal with a
heavy tail), made of lines of Python's own library, verification off, two CPUs. A tenth of the
rows are planted duplicates of others: a third equal, as another sample of the same problem; a third
equal but for case and punctuation, under another problem with the same question; a third nearly equal.
Each size is a process of its own with a Ray of its own; times are those of ``curate`` alone.

- ``rows_107k_minutes``: at the largest size (107,000 unless ``ARGS`` says otherwise).
- ``peak_gib``: the most memory of all its processes together (proportional set size: shared pages once).
- ``driver_gib``: the most anonymous memory of the driver.
- ``exponent``: slope of log seconds over log rows. ``templated_exponent``: the same where half of the rows
  are responses from one template to one question, and the others answer questions from one template.
- ``exact_found``, ``near_found``: planted pairs (near: Jaccard similarity of at least 0.9, by plain sets) of
  which one is dropped; ``false_drops``: share of the other rows that were dropped as repeats.

The last line of output is one JSON object.
"""

import argparse
import json
import math
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.dataset as ds

from tests.bench.trajectories import CHARS_PER_TOKEN, Pair, write_realistic, write_templated
from z1ray.models import embedded

FOLDER = Path("runs") / "bench" / "curate"
SIZES = (10_000, 30_000, 107_000)
TEMPLATED_SIZES = (3_000, 10_000, 30_000)
_GIB = 1 << 30
_TOKENIZER = (Path("runs") / "models" / embedded.NAME).absolute()


def measure(name: str, source: Path) -> dict[str, Any]:
    """Curate a folder in a process of its own while watching its memory."""
    output = FOLDER / f"{name}-dataset"
    command = [sys.executable, "-m", "tests.bench.curate", "--run", str(source), str(output)]
    process = psutil.Popen(command, stdout=subprocess.PIPE, text=True)
    peak = driver = 0
    while process.poll() is None:
        peak = max(peak, sum(map(_proportional, [process, *_children(process)])))
        driver = max(driver, _status(process.pid, "status", "RssAnon"))
        time.sleep(0.5)
    said, _ = process.communicate()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, said)
    seconds = float(said.splitlines()[-1])
    figures = {"seconds": round(seconds, 1), "peak_gib": peak / _GIB, "driver_gib": driver / _GIB}
    print(f"{name}: {figures}", file=sys.stderr, flush=True)
    return figures


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        found: list[psutil.Process] = process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    return found


def _proportional(process: psutil.Process) -> int:
    return _status(process.pid, "smaps_rollup", "Pss")


def _status(pid: int, file: str, field: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (OSError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(f"{field}:")), 0)


def run(source: Path, output: Path) -> None:
    """Curate; prints the seconds it took."""
    import ray

    from z1ray.curation.config import CurateConfig
    from z1ray.curation.curate import curate

    ray.init(address="local", num_cpus=2, include_dashboard=False, object_store_memory=300_000_000)
    config = CurateConfig(trajectories=str(source.absolute()), tokenizer=str(_TOKENIZER), verify=False)
    started = time.perf_counter()
    curate(config, output, force=True)
    print(time.perf_counter() - started)


def quality(dataset: Path, pairs: Sequence[Pair]) -> dict[str, float]:
    """What became of the planted pairs and of all others."""
    columns = ["trajectory_id", "drop_reason"]
    table = ds.dataset(dataset / "data", format="parquet").to_table(columns=columns).to_pydict()
    reasons = dict(zip(table["trajectory_id"], table["drop_reason"], strict=True))
    repeats = {name for name, reason in reasons.items() if reason in {"duplicate", "duplicate_question"}}
    planted = {name for pair in pairs for name in (pair.original, pair.copy)}
    exact = [pair for pair in pairs if pair.similarity == 1]
    near = [pair for pair in pairs if 0.9 <= pair.similarity < 1]

    def found(some: Sequence[Pair]) -> float:
        return sum(len({pair.original, pair.copy} & repeats) == 1 for pair in some) / len(some)

    return {
        "exact_found": found(exact),
        "near_found": found(near),
        "false_drops": len(repeats - planted) / (len(reasons) - len(planted)),
        "num_exact": len(exact),
        "num_near": len(near),
    }


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Of log seconds over log rows, by least squares."""
    return float(np.polyfit([math.log(size) for size in sizes], [math.log(each) for each in seconds], 1)[0])


def main() -> None:
    """Measure all sizes, print figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs=2, type=Path, metavar=("SOURCE", "OUTPUT"), help="curate one folder")
    parser.add_argument("--rows", nargs="*", type=int, default=SIZES, help="sizes of realistic data")
    parser.add_argument("--templated", nargs="*", type=int, default=TEMPLATED_SIZES, help="sizes of templated data")
    parser.add_argument(
        "--chars-per-token", type=float, default=CHARS_PER_TOKEN, help="less makes realistic texts shorter, for many"
    )
    args = parser.parse_args()
    if args.run:
        run(*args.run)
        return
    embedded.prepare(_TOKENIZER)
    print(json.dumps(_realistic(args.rows, args.chars_per_token) | _templated(args.templated)))


def _realistic(sizes: Sequence[int], chars_per_token: float) -> dict[str, Any]:
    found, figures = [], {}
    for size in sizes:
        source = FOLDER / str(size)
        pairs = write_realistic(source, size, size, chars_per_token)
        found.append(measure(str(size), source))
        figures = quality(FOLDER / f"{size}-dataset", pairs)
        print(f"{size}: {figures}", file=sys.stderr, flush=True)
        shutil.rmtree(FOLDER)
    seconds = [each["seconds"] for each in found]
    largest = f"rows_{sizes[-1] // 1000}k"
    return {
        f"{largest}_minutes": round(seconds[-1] / 60, 2),
        "peak_gib": round(found[-1]["peak_gib"], 2),
        "driver_gib": round(found[-1]["driver_gib"], 2),
        "exponent": round(slope(sizes, seconds), 3) if len(sizes) > 1 else None,
        **{name: round(value, 5) for name, value in figures.items()},
        "seconds": dict(zip(map(str, sizes), seconds, strict=True)),
    }


def _templated(sizes: Sequence[int]) -> dict[str, Any]:
    seconds = []
    for size in sizes:
        write_templated(FOLDER / f"t{size}", size, seed=size)
        seconds.append(measure(f"t{size}", FOLDER / f"t{size}")["seconds"])
        shutil.rmtree(FOLDER)
    return {
        "templated_exponent": round(slope(sizes, seconds), 3) if len(sizes) > 1 else None,
        "templated_seconds": dict(zip(map(str, sizes), seconds, strict=True)),
    }


if __name__ == "__main__":
    main()
