"""Commands that tests run leave nothing behind."""

from contextlib import suppress

import psutil


def kill_commands(script: str) -> None:
    """Kill each child of this process that runs ``script``, with all that it started.

    A test that fails must not leave its command computing beside all tests that follow.
    """
    for child in psutil.Process().children():
        # One that has ended meanwhile, or is a zombie, has no command line.
        with suppress(psutil.NoSuchProcess):
            if any(script in word for word in child.cmdline()):
                kill_tree(child.pid)


def kill_tree(pid: int) -> None:
    """SIGKILL a process and all it started, as far as they still run."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [*root.children(recursive=True), root]:
            with suppress(psutil.NoSuchProcess):
                process.kill()
