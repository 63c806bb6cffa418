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
                for process in (child, *child.children(recursive=True)):
                    process.kill()
