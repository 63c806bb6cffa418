"""Reading source: from several threads, too."""

import gc
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from z1ray.grading.syntax import tree_or_error

NUM_THREADS, NUM_SOURCES = 4, 400


class Cycle:
    """Garbage whose end runs code, in which Python may go on with another thread."""

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        sum(range(50))


@pytest.fixture
def restless() -> Iterator[None]:
    """Threads take turns, and garbage is collected, all the time."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50, 2, 2)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("restless")
def test_threads_read_side_by_side() -> None:
    """Python's own parser raises SystemError where one thread comes into another's reading."""

    def read(number: int) -> bool:
        Cycle()
        functions = (f"def f{i}(x):\n    return [a + {number} for a in x if a * {i} % 3 == 0]" for i in range(30))
        return not isinstance(tree_or_error("\n".join(functions)), str)

    with ThreadPoolExecutor(NUM_THREADS) as threads:
        assert all(threads.map(read, range(NUM_SOURCES)))
