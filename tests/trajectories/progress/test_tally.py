"""Progress of a run, from the rows that are written: each counted once, told, and in Ray's own metrics."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.scrape import samples
from tests.trajectories.made import quarantined, trajectory
from z1ray.records import TRAJECTORY, Row, write_rows
from z1ray.trajectories.progress import tally as tally_module
from z1ray.trajectories.progress.counts import ModeLoad
from z1ray.trajectories.progress.tally import watch_run

# Named like no other test's: processes that have ended stay in the metrics for a while.
LONG, SHORT = "tally-long", "tally-short"
LOADS = {
    LONG: ModeLoad(num_requests=40, max_tokens=100),
    SHORT: ModeLoad(num_requests=20, max_tokens=10),
}
PATIENCE_S = 120


def long_rows(first: int) -> list[Row]:
    return [trajectory("p", LONG, request=first + i, num_tokens=50, num_prompt_tokens=7) for i in range(4)]


def eventually(look: Any, expected: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert seen == expected


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_what_workers_write_is_told_and_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows once however often a worker writes them, on the terminal and in Ray's own metrics endpoint; those of
    earlier runs are not this run's work.
    """
    told: list[str] = []

    def seen(rows: str) -> bool:
        told.extend(capsys.readouterr().out.splitlines())
        return any(f"z1ray | generate: {rows}/60 rows" in line for line in told)

    write_rows([trajectory("p", LONG, request=i) for i in range(10)], tmp_path / "before.parquet", TRAJECTORY)
    with watch_run(tmp_path, LOADS, 10, every_s=0.05):
        write_rows(long_rows(10), tmp_path / "0.parquet", TRAJECTORY)
        eventually(lambda: seen("14"), True)
        write_rows(long_rows(10), tmp_path / "again.parquet", TRAJECTORY)
        (tmp_path / "half.parquet").write_bytes(b"PAR1 half a file")
        bad = {**quarantined("p", "empty question", SHORT), "request": 50, "num_prompt_tokens": None}
        short = trajectory("p", SHORT, request=51, num_tokens=5, num_prompt_tokens=7)
        write_rows([bad, short], tmp_path / "2.parquet", TRAJECTORY)
        eventually(lambda: seen("16"), True)
    told += capsys.readouterr().out.splitlines()
    assert told[-1].startswith("z1ray | generate: 16/60 rows (26.7 %), ")
    assert told[-1].endswith(", 35 prompt + 205 output tokens, 1 quarantined")
    expected = {
        (tally_module.ROWS, LONG): 4,
        (tally_module.ROWS, SHORT): 2,
        (tally_module.PROMPT_TOKENS, LONG): 28,
        (tally_module.PROMPT_TOKENS, SHORT): 7,
        (tally_module.OUTPUT_TOKENS, LONG): 200,
        (tally_module.OUTPUT_TOKENS, SHORT): 5,
        (tally_module.QUARANTINED, SHORT): 1,
    }
    eventually(lambda: {key: value for key, (value, *_) in scraped().items() if key in expected}, expected)
    eventually(lambda: 44 in scraped().get((tally_module.ROWS_LEFT,), []), True)
    eventually(lambda: (tally_module.TOKENS_PER_SECOND,) in scraped(), True)


def scraped() -> dict[tuple[str, ...], list[float]]:
    """z1ray's samples of generation in Ray's metrics endpoint, one per process, by name and mode."""
    found: dict[tuple[str, ...], list[float]] = {}
    for sample in samples():
        if sample.name.startswith("ray_z1ray_generate_"):
            key = (sample.name.removeprefix("ray_"), *(sample.labels[n] for n in ["mode"] if n in sample.labels))
            found.setdefault(key, []).append(sample.value)
    return found
