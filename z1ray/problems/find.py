"""Finding the files of a source by name or glob, and opening them."""

import csv
import glob
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow.fs import FileSystem, FileType, LocalFileSystem, PyFileSystem

from z1ray.errors import UserError
from z1ray.storage import file_system

_COMPRESSED = (".gz", ".bz2", ".zst", ".lz4", ".br")
_READ_AHEAD = 1 << 20
_URL = re.compile(r"([a-zA-Z][\w+.-]*)://")


class File(NamedTuple):
    """One file of a source.

    Attributes:
        filesystem: The file system it lies on.
        path: Its path there.
        shown: Its path or URL as the user writes it.
        name: Its path below the fixed folder of the glob, without suffixes. It names the
            file's rows, so other files beside it do not change it.
    """

    filesystem: FileSystem
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
    except (pa.ArrowInvalid, csv.Error, UnicodeDecodeError) as error:
        raise UserError("path", file.shown, f"it is no {kind} file: {error}", f"name a {kind} file") from error
    except OSError as error:
        raise UserError(
            "path", file.shown, f"it cannot be read: {error}", "check that it is whole and that you may read it"
        ) from error


def _find(path: str) -> list[File]:
    url = _URL.match(path)
    if url is None:
        return _listed(LocalFileSystem(), path, path)
    options = path.find("?")
    if options < 0 or url[1].startswith("http"):
        return _listed(*_remote(path, ""), path)
    return _listed(*_remote(path[:options], path[options:]), path[:options])


def _listed(filesystem: FileSystem, path: str, shown: str) -> list[File]:
    """The files below ``path``, which is a name or a pattern inside the file system."""
    fixed, shown_fixed = _fixed_folder(path), _fixed_folder(shown)
    found = _matches(filesystem, path) if _is_glob(path) else [path]
    infos = filesystem.get_file_info(found)
    names = [info.path[len(fixed) :].lstrip("/") for info in infos if info.type == FileType.File]
    return [
        File(filesystem, f"{fixed}{name}", f"{shown_fixed}{name}", _stem(name))
        for name in sorted(names, key=lambda name: name.split("/"))
    ]


def _remote(url: str, options: str) -> tuple[FileSystem, str]:
    base = _fixed_folder(url)
    try:
        return file_system(base, url[len(base) :], options)
    except ImportError as error:
        # fsspec's message names the package.
        raise UserError(
            "path", url, "the package that reads this protocol is missing", str(error).splitlines()[0]
        ) from error
    except ValueError as error:
        if isinstance(error, pa.ArrowInvalid):
            remedy = "write a URL such as s3://bucket/folder/*.jsonl"
        else:
            remedy = "use * as wildcard, and a protocol that pyarrow or fsspec knows, e.g. s3://"
        raise UserError("path", url + options, str(error), remedy) from error


def _matches(filesystem: FileSystem, pattern: str) -> list[str]:
    from fsspec.implementations.arrow import ArrowFSWrapper

    if isinstance(filesystem, LocalFileSystem):
        return glob.glob(pattern, recursive=True)  # noqa: PTH207 (absolute globs)
    if isinstance(filesystem, PyFileSystem):
        matches: list[str] = filesystem.handler.fs.glob(pattern)
    else:
        matches = ArrowFSWrapper(filesystem, skip_instance_cache=True).glob(pattern)
    return matches


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
