"""In which order tests run, and which share a process where pytest-xdist runs several."""

from collections import Counter

import pytest
from xdist.scheduler import LoadScopeScheduling

_TOGETHER = ("trajectories", "serving", "training", "engine")
"""Folders whose tests share engines, clusters or models that take long to make."""
_ALONE = ("trajectories/test_faults.py",)
"""Files in them that share nothing."""
_LONGEST = ("serving", "pipeline/test_pipeline.py", *_ALONE, "training", "grading/test_human_eval.py")
"""Groups that take minutes: begun last, one of them would run while other processes have nothing left to do."""


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Give each process one group after the other (pytest-xdist's documented way to choose what stays together)."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    """The folder of a test if its tests belong together, else its file."""
    file = nodeid.partition("::")[0].removeprefix("tests/")
    folder = file.partition("/")[0]
    return folder if folder in _TOGETHER and file not in _ALONE else file


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by group: those of ``_LONGEST``, then those with the most tests; within a group nothing changes."""
    rank = {group: number for number, group in enumerate(_LONGEST)}
    sizes = Counter(group_of(item.nodeid) for item in items)

    def key(item: pytest.Item) -> tuple[int, int, str]:
        group = group_of(item.nodeid)
        return rank.get(group, len(rank)), -sizes[group], group

    items.sort(key=key)
