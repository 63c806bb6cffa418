"""Which tests share a process where pytest-xdist runs several."""

from xdist.scheduler import LoadScopeScheduling

_TOGETHER = ("trajectories", "serving", "training", "engine")
"""Folders whose tests share engines, clusters or models that take long to make."""


class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
    """Give each process one group after the other (pytest-xdist's documented way to choose what stays together)."""

    def _split_scope(self, nodeid: str) -> str:
        """The folder of a test if its tests belong together, else its file."""
        file = nodeid.partition("::")[0].removeprefix("tests/")
        folder = file.partition("/")[0]
        return folder if folder in _TOGETHER else file
