"""Generation as a user starts it: ``jobs/generate.py`` in a process of its own, and what it left behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from z1ray.records import Row, read_rows

ROOT = Path(__file__).parents[2]


class Experiment:
    """One folder of trajectories with the tiny model, and the command that fills it.

    Args:
        folder: An empty folder for the problems.
        model: The teacher.
        questions: By problem id; each is asked in two modes.
        root: Where the trajectories go; ``folder`` if None.
        more: Further words of the command line.
    """

    def __init__(
        self, folder: Path, model: Path, questions: Mapping[str, str], *more: str, root: Path | None = None
    ) -> None:
        self.output = (root or folder) / "local" / "trajectories"
        self.num_requests = 2 * len(questions)
        file = folder / "problems.jsonl"
        rows = [{"problem_id": name, "question": text} for name, text in questions.items()]
        file.write_text("\n".join(json.dumps(row) for row in rows))
        self.words = [
            *("--config", "conf/local.yaml", f"root={root or folder}", f"generate.teachers.smollm2.model={model}"),
            f"generate.problems=[{{kind: jsonl, path: {file}, name: file}}]",
            *("generate.modes.short.max_tokens=40", "generate.modes.long.max_tokens=80"),
            *("generate.batch_size=2", "generate.rows_per_file=2", "generate.teachers.smollm2.engine.max_num_seqs=2"),
            *more,
        ]

    @property
    def command(self) -> list[str]:
        """What a user types."""
        return [sys.executable, "jobs/generate.py", *self.words]

    def start(self, cluster: str | None = None, before: Sequence[str] = ()) -> "Driver":
        """Start a driver.

        Args:
            cluster: Address of the Ray to use; one of its own if None.
            before: A command that runs this one.
        """
        return Driver([*before, *self.command], cluster)

    def committed(self) -> dict[str, int]:
        """Rows of each file that is recorded as finished, by the file's stem."""
        found = {}
        for path in (self.output / "done" / "smollm2").glob("*.parquet"):
            if not path.name.endswith(".pending.parquet"):
                found[path.stem] = pq.read_metadata(path).num_rows
        return found

    def num_finished(self) -> int:
        """Rows that are recorded as finished."""
        return sum(self.committed().values())

    def finished_files(self) -> dict[Path, tuple[int, bytes]]:
        """When each file of finished rows was written, and its content."""
        stems = tuple(self.committed())
        files = [path for path in (self.output / "data").glob("*.parquet") if path.name.startswith(stems)]
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}

    def rows(self) -> list[Row]:
        """All rows, read as the next stage does."""
        return read_rows(self.output / "data")

    def require_complete(self) -> list[Row]:
        """The rows, each request once, and a manifest that counts them."""
        rows = self.rows()
        ids = [row["trajectory_id"] for row in rows]
        assert len(ids) == len(set(ids)) == self.num_requests
        assert sorted(row["request"] for row in rows) == list(range(self.num_requests))
        assert json.loads((self.output / "manifest.json").read_text())["num_trajectories"] == self.num_requests
        return rows

    def starts(self) -> list[tuple[float, int]]:
        """When each run that came to engines began, and the requests it found answered, by its own record."""
        records = [json.loads(path.read_text()) for path in sorted((self.output / "runs").glob("*.json"))]
        return [(record["started"], record["num_done_at_start"]) for record in records]

    def num_written(self, began: float, ended: float) -> int:
        """Rows in the files that were written between two times."""
        files = (self.output / "data").iterdir()
        return sum(pq.read_metadata(path).num_rows for path in files if began <= path.stat().st_mtime < ended)


class Driver:
    """A running command, its log in a file of memory: a pipe would fill."""

    def __init__(self, command: Sequence[str], cluster: str | None) -> None:
        where = {} if cluster is None else {"RAY_ADDRESS": cluster}
        self._log = os.memfd_create("log")
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | where, stdout=self._log, stderr=subprocess.STDOUT
        )

    @property
    def log(self) -> str:
        """What it printed so far."""
        size = os.fstat(self._log).st_size
        return os.pread(self._log, size, 0).decode(errors="replace")

    def until(self, happened: Callable[[], bool], what: str, timeout_s: float = 600) -> None:
        """Wait for something while the driver runs."""
        deadline = time.monotonic() + timeout_s
        while not happened():
            assert self._process.poll() is None, f"ended before {what}: {self.log[-3000:]}"
            assert time.monotonic() < deadline, f"no {what}: {self.log[-3000:]}"
            time.sleep(0.02)

    def kill(self) -> None:
        """SIGKILL to the driver alone, as when its job is stopped or its machine's memory is full."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def status(self, timeout_s: float = 900) -> int:
        """Wait for the end; the exit status."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"no end after {timeout_s} s: {self.log[-3000:]}") from None

    def num_resumed(self) -> int:
        """What it said was done at its start."""
        told = re.search(r"resuming: (\d+) of \d+ requests are done", self.log)
        return int(told[1]) if told else 0
