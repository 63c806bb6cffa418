"""Finding and opening files, on this machine or on any file system that pyarrow or fsspec knows."""

import glob
import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa

from z1ray.errors import UserError

_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4", ".br")
_READ_AHEAD = 1 << 20
_URL = re.compile(r"([a-zA-Z][\w+.-]*)://")


class File(NamedTuple):
    """One file of a source.

    Attributes:
        filesystem: The ``pyarrow.fs.FileSystem`` it lies on.
        path: Its path there.
        shown: Its path or URL as the user writes it.
        name: Its path below the fixed folder of the glob, without suffixes. It names the
            file's rows, so other files beside it do not change it.
    """

    filesystem: Any
    path: str
    shown: str
    name: str


def find_files(path: str, kind: str) -> list[File]:
    """The files that a path, a glob or a URL names, in the order of their paths.

    Args:
        path: ``data/*.jsonl``, ``/data/**/x.parquet``, ``s3://bucket/data/*.jsonl``,
            ``memory://x.jsonl``. In a URL ``*`` and ``[...]`` are wildcards and ``?`` starts the
            file system's options (``s3://bucket/x?region=eu-west-1``).
        kind: Format of the files, for the error.

    Raises:
        UserError: If there is none, it may not be read, or the file system's package is missing.
    """
    try:
        files = _find(path)
    except OSError as error:
        raise UserError(
            "path", path, f"it cannot be reached: {error}", "check the name, and that you may read it"
        ) from error
    if not files:
        raise UserError(
            "path",
            path,
            "no file is there, or its folder may not be listed",
            f"name a {kind} file, or a glob that matches some, e.g. FOLDER/*.{kind}",
        )
    return files


def open_file(file: File) -> Any:
    """The file for reading at any position, as Parquet needs it."""
    return file.filesystem.open_input_file(file.path)


def open_lines(file: File) -> io.BufferedReader:
    """The file's lines as bytes, decompressed if its suffix says so."""
    stream = file.filesystem.open_input_stream(file.path, compression="detect")
    return io.BufferedReader(stream, _READ_AHEAD)


@contextmanager
def reading(file: File, kind: str) -> Iterator[None]:
    """Turn what goes wrong while reading into a UserError that names the file."""
    try:
        yield
    except pa.ArrowInvalid as error:
        raise UserError("path", file.shown, f"it is no {kind} file: {error}", f"name a {kind} file") from error
    except OSError as error:
        raise UserError(
            "path", file.shown, f"it cannot be read: {error}", "check that it is whole and that you may read it"
        ) from error


def _find(path: str) -> list[File]:
    url = _URL.match(path)
    if url is None:
        return _listed(*_local(path), path)
    options = path.find("?")
    if options < 0 or url[1].startswith("http"):
        return _listed(*_remote(path, ""), path)
    return _listed(*_remote(path[:options], path[options:]), path[:options])


def _listed(filesystem: Any, path: str, matches: Callable[[str], list[str]], shown: str) -> list[File]:
    """The files below ``path``, which is a name or a pattern inside the file system."""
    from pyarrow.fs import FileType

    fixed, shown_fixed = _fixed_folder(path), _fixed_folder(shown)
    found = matches(path) if _is_glob(path) else [path]
    infos = filesystem.get_file_info(found)
    names = [info.path[len(fixed) :].lstrip("/") for info in infos if info.type == FileType.File]
    return [
        File(filesystem, f"{fixed}{name}", f"{shown_fixed}{name}", _stem(name))
        for name in sorted(names, key=lambda name: name.split("/"))
    ]


def _local(path: str) -> tuple[Any, str, Callable[[str], list[str]]]:
    from pyarrow.fs import LocalFileSystem

    return LocalFileSystem(), path, lambda pattern: glob.glob(pattern, recursive=True)  # noqa: PTH207 (absolute globs)


def _remote(url: str, options: str) -> tuple[Any, str, Callable[[str], list[str]]]:
    """File system, path in it and its glob: pyarrow's own where it knows the protocol, else fsspec's."""
    from fsspec.implementations.arrow import ArrowFSWrapper
    from pyarrow.fs import FileSystem, FSSpecHandler, PyFileSystem

    base = _fixed_folder(url)
    try:
        filesystem, folder = FileSystem.from_uri(base.replace(" ", "%20").rstrip("/") + options)
    except pa.ArrowInvalid as error:
        if "Unrecognized filesystem" not in str(error):
            raise UserError("path", url, str(error), "write a URL such as s3://bucket/folder/*.jsonl") from error
        if options:
            raise UserError(
                "path", url + options, "this file system takes no options after ?", "use * as wildcard"
            ) from error
        fsspec_system, path = _by_fsspec(url)
        return PyFileSystem(FSSpecHandler(fsspec_system)), path, fsspec_system.glob
    wrapped = ArrowFSWrapper(filesystem, skip_instance_cache=True)
    return filesystem, f"{folder.rstrip('/')}/{url[len(base) :]}", wrapped.glob


def _by_fsspec(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    try:
        filesystem, path = url_to_fs(url)
    except ImportError as error:
        # fsspec's message names the package.
        raise UserError(
            "path", url, "the package that reads this protocol is missing", str(error).splitlines()[0]
        ) from error
    except ValueError as error:
        raise UserError("path", url, str(error), "use a protocol that pyarrow or fsspec knows, e.g. s3://") from error
    return filesystem, path


def _is_glob(path: str) -> bool:
    return _fixed(path) < len(path)


def _fixed(path: str) -> int:
    """Where the first wildcard stands, or the path's end."""
    url = _URL.match(path)
    # A host may be written [::1], and a URL's ? is no wildcard.
    start, wildcards = (path.find("/", url.end()), "[*[]") if url else (0, "[*?[]")
    found = re.compile(wildcards).search(path, max(start, 0))
    return found.start() if found else len(path)


def _fixed_folder(path: str) -> str:
    """The path up to the last slash before any wildcard, slash included."""
    return path[: path.rfind("/", 0, _fixed(path)) + 1]


def _stem(name: str) -> str:
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    return str(PurePosixPath(name).with_suffix(""))
