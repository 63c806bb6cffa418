"""Progress of a real run on a real Ray: counted once, exported, and never in the run's way."""

import time
from typing import Any

import pyarrow as pa
import pytest

from tests.scrape import samples
from z1ray.records import TRAJECTORY
from z1ray.trajectories.progress import tally as tally_module
from z1ray.trajectories.progress.counts import Counts, ModeLoad
from z1ray.trajectories.progress.tally import Tally, digest, start_tally, watch_tally

# Named like no other test's: processes that have ended stay in the metrics for a while.
LONG, SHORT = "tally-long", "tally-short"
LOADS = {
    LONG: ModeLoad(num_requests=40, max_tokens=100),
    SHORT: ModeLoad(num_requests=20, max_tokens=10),
}
PATIENCE_S = 120


def block(*rows: tuple[int, str, int, str | None]) -> pa.Table:
    """Finished rows of TRAJECTORY from request, mode, output tokens and error."""
    full = [
        dict.fromkeys(TRAJECTORY.names)
        | {"trajectory_id": str(request), "problem_id": "p", "mode": mode, "sample": 0, "request": request}
        | {"num_tokens": num, "num_prompt_tokens": None if error else 7, "error": error}
        for request, mode, num, error in rows
    ]
    return pa.Table.from_pylist(full, schema=TRAJECTORY)


def long_block(first: int) -> pa.Table:
    return block(*((request, LONG, 50, None) for request in range(first, first + 4)))


def report_in_a_worker(tally: Tally, table: pa.Table) -> None:
    """As the pipeline does: from a task, which must end well."""
    import ray

    ray.get(ray.remote(num_cpus=0)(_report).remote(tally, table))


def _report(tally: Tally, table: pa.Table) -> None:
    tally.report(table)


def eventually(look: Any, expected: Any) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while (seen := look()) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert seen == expected


def num_rows(tally: Tally) -> int:
    return tally.progress(PATIENCE_S).sums.num_rows


def test_digest_tells_modes_apart() -> None:
    """Tokens nobody counted (a quarantined prompt) are none."""
    found = digest(block((3, LONG, 50, None), (1, SHORT, 0, "empty question"), (4, LONG, 9, None)))
    assert sorted(found) == [LONG, SHORT]
    assert found[LONG].requests.tolist() == [3, 4]
    assert (found[LONG].prompt_tokens, found[LONG].output_tokens) == (14, 59)
    assert found[SHORT].quarantined.tolist() == [True]
    assert (found[SHORT].prompt_tokens, found[SHORT].output_tokens) == (0, 0)
    assert digest(block()) == {}


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_what_workers_report_is_told_and_exported(capsys: pytest.CaptureFixture[str]) -> None:
    """Rows once however often their block is reported, on the terminal and in Ray's own metrics endpoint."""
    tally = start_tally(LOADS, num_done=10)
    with watch_tally(tally, every_s=0.2):
        report_in_a_worker(tally, long_block(10))
        eventually(lambda: num_rows(tally), 4)
        report_in_a_worker(tally, long_block(10))  # its worker died before the rows were written
        report_in_a_worker(tally, block((50, SHORT, 0, "empty question"), (51, SHORT, 5, None)))
        eventually(lambda: num_rows(tally), 6)
    sums = tally.progress(PATIENCE_S).counts
    assert sums[LONG] == Counts(num_rows=4, prompt_tokens=56, output_tokens=400)
    assert sums[SHORT] == Counts(num_rows=2, num_quarantined=1, prompt_tokens=7, output_tokens=5)
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("z1ray | generate: 16/60 rows (26.7 %), ")
    assert last.endswith(", 63 prompt + 405 output tokens, 1 quarantined")
    expected = {
        (tally_module.ROWS, LONG): 4,
        (tally_module.ROWS, SHORT): 2,
        (tally_module.PROMPT_TOKENS, LONG): 56,
        (tally_module.PROMPT_TOKENS, SHORT): 7,
        (tally_module.OUTPUT_TOKENS, LONG): 400,
        (tally_module.OUTPUT_TOKENS, SHORT): 5,
        (tally_module.QUARANTINED, SHORT): 1,
    }
    eventually(lambda: {key: value for key, (value, *_) in scraped().items() if key in expected}, expected)
    eventually(lambda: 44 in scraped().get((tally_module.ROWS_LEFT,), []), True)
    assert (tally_module.TOKENS_PER_SECOND,) in scraped()


def scraped() -> dict[tuple[str, ...], list[float]]:
    """z1ray's samples of generation in Ray's metrics endpoint, one per process, by name and mode."""
    found: dict[tuple[str, ...], list[float]] = {}
    for sample in samples():
        if sample.name.startswith("ray_z1ray_generate_"):
            key = (sample.name.removeprefix("ray_"), *(sample.labels[n] for n in ["mode"] if n in sample.labels))
            found.setdefault(key, []).append(sample.value)
    return found


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_counts_outlive_the_actor_and_the_run_outlives_the_counts() -> None:
    """The process that counts may be killed like any other; work that is done must not fail for it."""
    import ray

    tally = start_tally(LOADS, num_done=0)
    with watch_tally(tally, every_s=0.2):
        report_in_a_worker(tally, long_block(0))
        eventually(lambda: num_rows(tally), 4)
        time.sleep(1)  # the driver has seen them
        ray.kill(tally._ledger, no_restart=False)
        report_in_a_worker(tally, long_block(4))
        eventually(lambda: rows_or_none(tally), 8)
        ray.kill(tally._ledger)
        report_in_a_worker(tally, long_block(8))
    assert rows_or_none(tally) is None


def rows_or_none(tally: Tally) -> int | None:
    from ray.exceptions import GetTimeoutError, RayActorError

    try:
        return tally.progress(PATIENCE_S).sums.num_rows
    except (RayActorError, GetTimeoutError):
        return None
