"""Folders and files on this machine, or on any file system that pyarrow or fsspec knows."""

from typing import NamedTuple

import pyarrow as pa
from pyarrow.fs import FileSystem, FileType, FSSpecHandler, LocalFileSystem, PyFileSystem

from z1ray.errors import UserError

_BY_FSSPEC = "fsspec+"
_PROBE = ".z1ray-probe"


class Storage(NamedTuple):
    """A folder on some file system.

    Attributes:
        filesystem: The file system.
        path: The folder's path there.
        shown: The folder as the user would write it.
    """

    filesystem: FileSystem
    path: str
    shown: str

    @property
    def is_local(self) -> bool:
        """True if the folder can be written to and read from as it is; else files are copied there and back."""
        return isinstance(self.filesystem, LocalFileSystem)

    def below(self, name: str) -> "Storage":
        """A folder in this one."""
        return Storage(self.filesystem, f"{self.path.rstrip('/')}/{name}", f"{self.shown.rstrip('/')}/{name}")

    def file(self, name: str) -> str:
        """The path of a file in this folder."""
        return f"{self.path}/{name}"

    def remove(self) -> None:
        """Remove the folder with all that is in it; nothing if it is not there."""
        if self.filesystem.get_file_info(self.path).type != FileType.NotFound:
            self.filesystem.delete_dir(self.path)


def file_system(folder: str, name: str = "", options: str = "") -> tuple[FileSystem, str]:
    """The file system that a path or a URL names, and the path in it: pyarrow's own, else fsspec's.

    Args:
        folder: An absolute path or a URL such as ``s3://bucket/x``. pyarrow's protocols are percent-decoded;
            ``fsspec+PROTOCOL://x`` takes fsspec's file system for a protocol that pyarrow knows, too.
        name: A name or a pattern below the folder, which nothing decodes.
        options: Options of the file system, ``?region=eu-west-1``.

    Raises:
        ValueError: For a bad URL (then a ``pa.ArrowInvalid``), an unknown protocol, or options for a file system
            that takes none.
        ImportError: If fsspec lacks the protocol's package, which the message names.
        OSError: If the file system cannot be reached.
    """
    from fsspec.core import url_to_fs

    is_uri = "://" in folder and not folder.startswith(_BY_FSSPEC)
    try:
        filesystem, path = FileSystem.from_uri((folder.replace(" ", "%20") if is_uri else folder) + options)
    except pa.ArrowInvalid as error:
        if "Unrecognized filesystem" not in str(error):
            raise
        if options:
            raise ValueError("this file system takes no options after ?") from error
        # Whole, since a URL of fsspec may go on behind the name: zip://NAME::s3://bucket/x.zip.
        by_fsspec, path = url_to_fs(folder + name)
        return PyFileSystem(FSSpecHandler(by_fsspec)), path
    return filesystem, f"{path.rstrip('/')}/{name}" if name else path


def open_storage(where: str, field: str) -> Storage:
    """The folder that an absolute path or a URL names.

    Args:
        where: ``/mnt/shared/x``, ``s3://bucket/x?region=eu-west-1``, ``gs://bucket/x``, ``hdfs://host/x`` or a URL of
            any other protocol that fsspec has a package for.
        field: The setting that names it, for the error.

    Raises:
        UserError: If it cannot be opened.
    """
    try:
        filesystem, path = file_system(where)
        if not path.strip("/"):
            raise ValueError("it names no folder")
    # Besides bad URLs: what a missing package or a wrong option of fsspec raises.
    except (pa.ArrowException, OSError, ImportError, ValueError, TypeError) as error:
        raise UserError(
            field,
            where,
            f"it cannot be opened: {error}",
            "name an absolute folder that all nodes see, or a URL such as s3://bucket/folder",
        ) from error
    return Storage(filesystem, path.rstrip("/"), where)


def require_writable(storage: Storage, field: str) -> None:
    """Write a small file and remove it again.

    Args:
        storage: The folder; it is made if missing.
        field: The setting that names it, for the error.

    Raises:
        UserError: If that fails.
    """
    path = storage.file(_PROBE)
    try:
        storage.filesystem.create_dir(storage.path, recursive=True)
        with storage.filesystem.open_output_stream(path) as file:
            file.write(b"z1ray")
        storage.filesystem.delete_file(path)
    # What fsspec raises for a protocol that is for reading only.
    except (OSError, NotImplementedError) as error:
        raise UserError(
            field, storage.shown, f"it cannot be written to: {error}", "fix its rights, or name another place"
        ) from error
