"""Generation loses nothing and doubles nothing, whatever dies: drivers, engines, nodes, disks.

Everything is real: the command a user types, vLLM engines with a two-layer model, SIGKILL, a Ray
cluster of several nodes, a file system without room.
"""

import math
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from tests.processes import kill_commands
from tests.trajectories.driver import Driver, Experiment

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

QUESTIONS = {str(i): f"Write function number {i}." for i in range(16)}
# So many that some are left when this process, on a busy machine, comes to kill what answers them.
MANY = {str(i): f"Write function number {i}." for i in range(64)}
# Ray's own message.
STARTED = "Started a local Ray instance"
BAD = {"blank": " ", "control": "Add \x00 numbers.", "endless": "word " * 2100}
REASONS = ("unusable problem", "control character", "over the context")


@pytest.fixture(scope="module")
def cluster() -> Iterator[object]:
    """A Ray that outlives drivers and loses nodes; ``place`` is what engines are tied to."""
    from ray.cluster_utils import Cluster

    # A node that is gone is found out in 10 s instead of 30.
    checks = {"health_check_period_ms": 1000, "health_check_failure_threshold": 10}
    head = {"num_cpus": 6, "include_dashboard": False, "resources": {"place": 1}, "_system_config": checks}
    started = Cluster(initialize_head=True, head_node_args=head)
    yield started
    started.shutdown()


@pytest.fixture(autouse=True)
def no_driver_left() -> Iterator[None]:
    yield
    kill_commands("jobs/generate.py")


def descendants(node) -> list[psutil.Process]:
    """Every process that a node of the cluster started."""
    found: list[psutil.Process] = psutil.Process(node.all_processes["raylet"][0].process.pid).children(recursive=True)
    return found


def engines(node) -> list[psutil.Process]:
    """The processes in which vLLM computes."""
    found = []
    for process in descendants(node):
        try:
            if process.name().startswith("VLLM::EngineCor"):
                found.append(process)
        except psutil.NoSuchProcess:
            continue
    return found


def kill(found: list[psutil.Process]) -> bool:
    """SIGKILL to each; whether there was one."""
    killed = 0
    for process in found:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
            killed += 1
    return killed > 0


def kill_at_random(driver: Driver, experiment: Experiment, chance: random.Random, more_rows: int | None) -> None:
    """Kill the driver some time after its first file or, with ``more_rows``, after so many further finished rows."""
    least = experiment.num_finished() + (more_rows or 0)
    if more_rows is None:
        driver.until((experiment.output / "begun.json").exists, "a beginning")
        time.sleep(chance.uniform(0, 15))
    else:
        driver.until(lambda: experiment.num_finished() >= least, f"{least} rows")
        time.sleep(chance.uniform(0, 0.5))
    driver.kill()


def test_killed_drivers_lose_nothing_and_repeat_nothing(cluster, quick_model, tmp_path):
    """SIGKILL at random moments, same command again: each request answered once, and finished rows never again."""
    experiment = Experiment(tmp_path, quick_model, MANY)
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    print("moments drawn with seed", seed)
    told, finished, kept = [], [0], experiment.finished_files()
    # One between the table of requests and the engine's start, which takes longest; two while rows come, so that a
    # run which itself continued another is killed, too.
    for more_rows in (None, chance.randint(2, 5), chance.randint(2, 5)):
        driver = experiment.start(cluster.address)
        kill_at_random(driver, experiment, chance, more_rows)
        told.append(driver.num_resumed())
        assert kept.items() <= experiment.finished_files().items(), "a finished file was touched"
        kept = experiment.finished_files()
        finished.append(experiment.num_finished())
    last = experiment.start(cluster.address)
    assert last.status() == 0, last.log[-3000:]
    told.append(last.num_resumed())

    print("finished before each start:", finished, "found by it:", told)
    experiment.require_complete()
    assert kept.items() <= experiment.finished_files().items()
    # A worker may finish its file after the driver's end.
    assert all(before <= found for before, found in zip(finished, told, strict=True))
    assert finished[-1] >= 4
    # What each run wrote is what the next one found more: nothing was made twice and thrown away.
    starts = experiment.starts()
    # The last run starts no engine where the one before was killed at its very end.
    assert starts[-1][1] == max(found for found in told if found < experiment.num_requests)
    for (began, num_done), (ended, num_next) in pairwise([*starts, (math.inf, experiment.num_requests)]):
        assert experiment.num_written(began, ended) == num_next - num_done


def test_a_killed_engine_is_replaced(cluster, quick_model, tmp_path):
    """The run ends with status 0 and every row; only bad questions count against the share."""
    experiment = Experiment(tmp_path, quick_model, MANY | BAD)
    driver = experiment.start(cluster.address)
    driver.until(lambda: len(experiment.committed()) >= 3 and kill(engines(cluster.head_node)), "a dead engine")
    kept = experiment.finished_files()
    # The bad questions are over the share, which is none.
    assert driver.status() == 2
    assert f"6 of {experiment.num_requests} requests are quarantined" in driver.log
    experiment.words.append("generate.max_quarantined_share=0.2")
    again = experiment.start(cluster.address)
    assert again.status() == 0, again.log[-3000:]
    rows = experiment.require_complete()
    assert kept.items() <= experiment.finished_files().items()
    errors = Counter(row["error"].partition(":")[0] for row in rows if row["error"] is not None)
    assert errors == dict.fromkeys(REASONS, 2), "the engine's death cost a row"
    assert len(experiment.starts()) == 1, "an engine was started for rows that were there"


def test_a_killed_node_is_done_without(cluster, quick_model, tmp_path):
    """Its engine finds no other place until one that has nothing left to do gives up its own."""
    nodes = [cluster.add_node(wait=False, num_cpus=2, resources={"worker": 1}) for _ in range(2)]
    cluster.wait_for_nodes(timeout=300)
    engine = "generate.teachers.smollm2.engine"
    experiment = Experiment(tmp_path, quick_model, MANY, f"{engine}.replicas=2", f"{engine}.resources={{worker: 1}}")
    driver = experiment.start(cluster.address)
    driver.until(lambda: all(engines(node) for node in nodes), "two engines")
    driver.until(lambda: len(experiment.committed()) >= 4, "4 files")
    kept = experiment.finished_files()
    lost = descendants(nodes[0])
    cluster.remove_node(nodes[0], allow_graceful=False)
    for process in lost:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    try:
        assert driver.status() == 0, driver.log[-3000:]
    finally:
        cluster.remove_node(nodes[1])
    experiment.require_complete()
    assert kept.items() <= experiment.finished_files().items()


@pytest.fixture
def small_disk(tmp_path) -> tuple[Path, list[str]]:
    """A folder, and the words that run a command with a file system of 2 MB mounted there."""
    folder = tmp_path / "disk"
    folder.mkdir()
    assert shutil.which("bwrap"), "bubblewrap is missing: make setup"
    return folder, ["bwrap", "--dev-bind", "/", "/", "--size", "2000000", "--tmpfs", str(folder)]


def test_a_full_disk_is_told_and_finished_rows_stay(small_disk, quick_model, tmp_path):
    """Full at the start or in the middle: status 2 and what to do; with room, the same command completes."""
    disk, mounted = small_disk
    copies = {name: tmp_path / name for name in ("middle", "end")}
    experiment = Experiment(tmp_path, quick_model, dict(list(QUESTIONS.items())[:8]), root=disk)
    ballast, output = disk / "ballast", experiment.output
    script = f"""
        head -c 2000000 /dev/zero > {ballast}; "$@"; echo "status at the start: $?"
        truncate -s 1900000 {ballast}; "$@"; echo "status in the middle: $?"; cp -r {output} {copies["middle"]}
        rm {ballast}; "$@"; echo "status at the end: $?"; cp -r {output} {copies["end"]}
    """
    driver = experiment.start(before=[*mounted, "bash", "-c", script, "bash"])
    assert driver.status(1200) == 0, driver.log[-3000:]
    statuses = [line for line in driver.log.splitlines() if line.startswith("status ")]
    assert statuses == ["status at the start: 2", "status in the middle: 2", "status at the end: 0"], driver.log[-3000:]
    at_start, in_middle = re.split("status at the start|status in the middle", driver.log)[:2]
    assert all("output_dir" in log and "No space left" in log for log in (at_start, in_middle))
    assert STARTED not in at_start, "Ray was started for a disk that is full"

    experiment.output = copies["middle"]
    kept = {path.name: content for path, (_, content) in experiment.finished_files().items()}
    num_kept = sum(pq.read_table(path).num_rows for path in experiment.finished_files())
    assert 0 < num_kept < experiment.num_requests
    experiment.output = copies["end"]
    experiment.require_complete()
    assert kept.items() <= {path.name: content for path, (_, content) in experiment.finished_files().items()}.items()
    assert experiment.starts()[-1][1] == num_kept


def test_a_target_that_cannot_be_written_is_told_at_once(quick_model, tmp_path):
    """Under a file, or read-only: status 2, before Ray or an engine starts."""
    (tmp_path / "file").touch()
    under_file = Experiment(tmp_path, quick_model, QUESTIONS, root=tmp_path / "file" / "runs")
    sealed = tmp_path / "sealed"
    sealed.mkdir()
    read_only = Experiment(tmp_path, quick_model, QUESTIONS, root=sealed)
    drivers: list[Driver] = [
        under_file.start(),
        read_only.start(before=["bwrap", "--dev-bind", "/", "/", "--ro-bind", str(sealed), str(sealed)]),
    ]
    for driver in drivers:
        assert driver.status() == 2, driver.log[-3000:]
        assert "output_dir" in driver.log
        assert STARTED not in driver.log
    assert not list(sealed.iterdir())
