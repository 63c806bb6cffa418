"""Files on a disk that all readers see: written whole or not at all, and what a disk may refuse."""

import errno
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from z1ray.errors import UserError

UNWRITABLE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.ENOTDIR, errno.EEXIST, errno.ESTALE, errno.EIO),
}
"""What a file system says that is full, read-only, not ours, gone or broken."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write a file or folder at; it takes the place of ``path`` when the block ends well.

    What an earlier, interrupted block left there is removed first; what this one wrote is removed if it fails.

    Args:
        path: The file or folder; its parent is made if missing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    remove(partial)
    try:
        yield partial
        if path.is_dir():
            remove(path)
        partial.replace(path)
    finally:
        remove(partial)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file with sorted keys, whole or not at all."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it; nothing if it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Around work that writes into ``folder``: a full disk or a folder that takes no file becomes the user's mistake.

    Raises:
        UserError: Instead of the ``OSError``, also of one that Ray brings from a worker.
    """
    try:
        yield
    except OSError as error:
        # Ray's is an OSError, too, and holds the worker's own.
        cause = getattr(error, "cause", error)
        if cause.errno not in UNWRITABLE:
            raise
        raise UserError(
            "output_dir",
            str(folder),
            f"it cannot be written: {cause}",
            "make room or fix the rights, then run the same command again: what is written stays",
        ) from error
