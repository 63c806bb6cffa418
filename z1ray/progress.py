"""What a stage tells whoever watches: marked lines in the job's log."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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
