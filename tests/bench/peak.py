"""The most memory that a process took: of its tensors what malloc has handed out, looked at often, and in all."""

import ctypes
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager


class _Mallinfo(ctypes.Structure):
    """glibc's ``struct mallinfo2``."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    ]


_mallinfo2 = ctypes.CDLL("libc.so.6").mallinfo2
_mallinfo2.restype = _Mallinfo


def allocated() -> int:
    """Bytes that are allocated now, in all arenas and in mappings of their own; torch's CPU tensors among them."""
    found = _mallinfo2()
    return int(found.uordblks + found.hblkhd)


class Peak:
    """Filled when the block of ``watch_peak`` ends: the most bytes above those at its start."""

    num_bytes: int = 0


@contextmanager
def watch_peak(every_s: float = 0.004) -> Iterator[Peak]:
    """Look at the allocated bytes while the block runs."""
    base, peak, stop = allocated(), Peak(), threading.Event()

    def look() -> None:
        while not stop.is_set():
            peak.num_bytes = max(peak.num_bytes, allocated() - base)
            time.sleep(every_s)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()


def most_resident() -> int:
    """Bytes of memory that this process had at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
