"""Where a run's checkpoints lie: a folder that all nodes see, or any file system that pyarrow opens."""

import json
import uuid
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from z1ray.errors import UserError

FIELD = "train.checkpoint.storage"
STATE = "state"
"""Folder in the stage's own of what only an unfinished run needs."""
_FOLDER = "checkpoints"
_RUN = "run.json"
_PROBE = ".z1ray-probe"


class Storage(NamedTuple):
    """A folder on some file system.

    Attributes:
        filesystem: The ``pyarrow.fs.FileSystem``.
        path: The folder's path there.
        shown: The folder as the user would write it.
    """

    filesystem: Any
    path: str
    shown: str

    @property
    def is_local(self) -> bool:
        """True if the folder can be written to and read from as it is; else files are copied there and back."""
        from pyarrow.fs import LocalFileSystem

        return isinstance(self.filesystem, LocalFileSystem)

    def below(self, name: str) -> "Storage":
        """A folder in this one."""
        return Storage(self.filesystem, f"{self.path.rstrip('/')}/{name}", f"{self.shown.rstrip('/')}/{name}")

    def file(self, name: str) -> str:
        """The path of a file in this folder."""
        return f"{self.path}/{name}"


def open_storage(where: str) -> Storage:
    """The folder that an absolute path or a URL names.

    Args:
        where: ``/mnt/shared/x``, ``s3://bucket/x?region=eu-west-1``, ``gs://bucket/x``, ``hdfs://host/x`` or, for
            any other protocol that fsspec has a package for, ``fsspec+PROTOCOL://x``.

    Raises:
        UserError: If it cannot be opened.
    """
    from pyarrow.fs import FileSystem

    try:
        filesystem, path = FileSystem.from_uri(where)
        if not path.strip("/"):
            raise ValueError("it names no folder")
    # Besides bad URLs: what a missing package or a wrong option of fsspec raises.
    except (pa.ArrowException, OSError, ImportError, ValueError, TypeError) as error:
        raise UserError(
            FIELD,
            where,
            f"it cannot be opened: {error}",
            "name an absolute folder that all nodes see, or a URL such as s3://bucket/folder",
        ) from error
    return Storage(filesystem, path.rstrip("/"), where)


def begin_run(state: Path, where: str | None) -> None:
    """Settle where the checkpoints of a new run go.

    Two runs never share a folder: the one of this run carries a name of its own.

    Args:
        state: The run's folder of what only an unfinished run needs.
        where: ``train.checkpoint.storage``.
    """
    state.mkdir(parents=True, exist_ok=True)
    (state / _RUN).write_text(json.dumps({"storage": where, "id": f"z1ray-{uuid.uuid4().hex[:12]}"}) + "\n")


def of_run(state: Path) -> Storage:
    """Where the checkpoints of the run with this state folder lie."""
    run = json.loads((state / _RUN).read_text())
    if run["storage"] is None:
        return open_storage(str(state.resolve() / _FOLDER))
    return open_storage(run["storage"]).below(run["id"])


def discard_run(state: Path) -> None:
    """Remove a run's checkpoints from wherever they lie outside of its state folder; nothing if there are none.

    Raises:
        UserError: If they cannot be removed.
    """
    from pyarrow.fs import FileType

    path = state / _RUN
    if not path.exists() or json.loads(path.read_text())["storage"] is None:
        return
    storage = of_run(state)
    try:
        if storage.filesystem.get_file_info(storage.path).type == FileType.Directory:
            storage.filesystem.delete_dir(storage.path)
    except OSError as error:
        raise UserError(
            FIELD, storage.shown, f"old checkpoints cannot be removed from it: {error}", "remove that folder yourself"
        ) from error


def require_writable(storage: Storage) -> None:
    """Write a small file and remove it again.

    Raises:
        UserError: If that fails.
    """
    path = storage.file(_PROBE)
    try:
        storage.filesystem.create_dir(storage.path, recursive=True)
        with storage.filesystem.open_output_stream(path) as file:
            file.write(b"z1ray")
        storage.filesystem.delete_file(path)
    except OSError as error:
        raise UserError(
            FIELD, storage.shown, f"it cannot be written to: {error}", "mend its rights, or name another place"
        ) from error
