"""What a stage tells whoever watches: marked lines in the job's log."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

# Ray and vLLM fill a job's log; lines that begin with this are for people.
MARK = "z1ray | "


_log = logging.getLogger("z1ray")


class _MarkedLines(logging.Handler):
    """Prints each record as a marked line, on standard output or standard error as they are at that moment."""

    def __init__(self, *, to_stderr: bool) -> None:
        super().__init__()
        self._to_stderr = to_stderr

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record."""
        print(MARK + self.format(record), file=sys.stderr if self._to_stderr else sys.stdout, flush=True)


def show_lines(level: int = logging.INFO, *, to_stderr: bool = False) -> None:
    """Set from which level on this process prints its lines for people.

    Args:
        level: A level of ``logging``; progress is ``INFO``.
        to_stderr: Print on standard error, where standard output belongs to a result.
    """
    _log.handlers = [_MarkedLines(to_stderr=to_stderr)]
    _log.setLevel(level)
    # Ray gives the root logger a handler, which would print each line once more.
    _log.propagate = False


def say(text: str) -> None:
    """Print one line for people: a record of level ``INFO`` of the logger ``z1ray``.

    Where the logger has no handler yet, as in a worker or in a program that uses z1ray as a library and has
    set up none, it gets one that prints to standard output.
    """
    if not _log.handlers:
        show_lines()
    _log.info("%s", text)


@contextmanager
def watch(label: str, folder: Path, total: int, every_s: float = 5.0) -> Iterator[None]:
    """Print rows done and time left whenever the number of rows in ``folder`` has grown.

    Args:
        label: What the lines begin with.
        folder: Where Parquet files appear.
        total: Rows to expect.
        every_s: Seconds between looks.
    """
    sizes: dict[Path, int] = {}
    # Counted before the block begins: the thread may start late.
    before = _num_rows(folder, sizes)
    with in_background(partial(_report, label, folder, total, every_s, sizes, before)):
        yield


@contextmanager
def in_background(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Run ``work`` in a thread while the block runs.

    Args:
        work: Gets an event that is set when the block ends, and is to return soon after; waited for.
    """
    stop = threading.Event()
    thread = threading.Thread(target=work, args=(stop,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _report(
    label: str, folder: Path, total: int, every_s: float, sizes: dict[Path, int], before: int, stop: threading.Event
) -> None:
    began, seen = time.monotonic(), [(0.0, before)]
    while True:
        stopped = stop.wait(every_s)
        done = _num_rows(folder, sizes)
        if done != seen[-1][1]:
            seen.append((time.monotonic() - began, done))
            say(f"{label}: {done}/{total} rows in {seen[-1][0]:.0f} s{_left(seen, total)}")
        if stopped:
            return


def _left(seen: list[tuple[float, int]], total: int) -> str:
    """The time left at the rate since the first rows came; the time before that is start-up."""
    (first_s, first), (now_s, done) = seen[1], seen[-1]
    if done in {first, total}:
        return ""
    return f", about {(total - done) * (now_s - first_s) / (done - first):.0f} s left"


def _num_rows(folder: Path, sizes: dict[Path, int]) -> int:
    """Rows in finished files; a file still being written has no footer yet and counts later."""
    for path in folder.glob("*.parquet"):
        if path not in sizes:
            try:
                sizes[path] = pq.read_metadata(path).num_rows
            except pa.ArrowInvalid:
                continue
    return sum(sizes.values())
