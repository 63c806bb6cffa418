"""Threads of an engine on a CPU, where it takes every core."""

import os

import psutil

_LEAST_PRIORITY = 19


def lower_priority() -> None:
    """Give the threads of this process's children, its engine's, the lowest priority: HTTP needs cores too."""
    for process in psutil.Process().children(recursive=True):
        for thread in process.threads():
            os.setpriority(os.PRIO_PROCESS, thread.id, _LEAST_PRIORITY)
