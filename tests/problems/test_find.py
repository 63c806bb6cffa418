"""The same rows from every kind of storage, and what goes wrong with it."""

import bz2
import gzip
import os
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.problems.find import find_files
from z1ray.problems.load import load_problems

LINES = b'{"question": "1?"}\n{"question": "2?"}\n'
IDS = ["m/a/x-1", "m/a/x-2", "m/b/x-1", "m/b/x-2"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a line per request."""

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def tree(tmp_path):
    """Two files of one name in two folders, in a folder whose name has a space."""
    root = tmp_path / "my data"
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True)
        (root / folder / "x.jsonl").write_bytes(LINES)
        pq.write_table(pa.Table.from_pylist([{"question": "1?"}, {"question": "2?"}]), root / folder / "x.parquet")
    return root


@pytest.fixture
def web(tree):
    """The same over HTTP."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tree))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def memory(tree):
    filesystem = fsspec.filesystem("memory")
    filesystem.put(str(tree), "/z1ray-test", recursive=True)
    yield "memory://z1ray-test"
    filesystem.rm("/z1ray-test", recursive=True)


def ids(path, kind="jsonl"):
    return [row["problem_id"] for row in load_problems([SourceConfig(kind=kind, name="m", path=str(path))])]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_every_storage_gives_the_same_rows(tree, web, memory, kind):
    """Pyarrow reads file:// here, as it does s3:// and gs://; fsspec memory:// and http://; ids do not depend on it."""
    for root in (tree, f"file://{tree}", f"fsspec+local://{tree}", memory):
        assert ids(f"{root}/*/x.{kind}", kind) == IDS
        assert ids(f"{root}/**/x.{kind}", kind) == IDS
        assert ids(f"{root}/a/x.{kind}", kind) == ["m/x-1", "m/x-2"]
    assert ids(f"{web}/a/x.{kind}", kind) == ["m/x-1", "m/x-2"]
    assert ids(f"{web}/a/*.{kind}", kind) == ["m/x-1", "m/x-2"]


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        ("gz", gzip.compress),
        ("bz2", bz2.compress),
        ("zst", lambda data: pa.compress(data, codec="zstd", asbytes=True)),
    ],
)
def test_compressed_lines_are_read_and_named_as_plain_ones(tmp_path, memory, suffix, compress):
    """Compressing a file must not change the ids of its rows."""
    (tmp_path / f"x.jsonl.{suffix}").write_bytes(compress(LINES))
    fsspec.filesystem("memory").pipe(f"/z1ray-test/c/x.jsonl.{suffix}", compress(LINES))
    for root in (tmp_path, f"file://{tmp_path}", f"{memory}/c"):
        assert ids(f"{root}/x.jsonl.{suffix}") == ["m/x-1", "m/x-2"]


def test_files_say_where_they_lie(tree, memory):
    """An error names the file as the user could open it."""
    for root in (tree, f"file://{tree}", memory):
        assert [file.shown for file in find_files(f"{root}/*/x.jsonl", "jsonl")] == [
            f"{root}/a/x.jsonl",
            f"{root}/b/x.jsonl",
        ]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("memory://z1ray-test/none.jsonl", "no file is there"),
        ("memory://z1ray-test/*.none", "no file is there"),
        ("memory://z1ray-test", r"no file is there.*FOLDER/\*\.jsonl"),
        ("memory://z1ray-test/?.jsonl", r"takes no options.*use \*"),
        ("file:///none/*.jsonl", "no file is there"),
        ("xyz://a/b.jsonl", "Protocol not known: xyz.*pyarrow or fsspec"),
        ("dropbox://a/b.jsonl", "package that reads this protocol is missing.*dropboxdrivefs"),
        ("s3://:bad url/x", "Cannot parse URI"),
    ],
)
def test_what_is_not_there_is_refused(memory, path, message):
    """The remedy names the package to install, or what to write instead."""
    with pytest.raises(UserError, match=f"(?s){message}"):
        find_files(path, "jsonl")


def test_a_file_one_may_not_read_is_refused(tmp_path):
    """No permission and no file are fixed differently."""
    path = tmp_path / "x.jsonl"
    path.write_bytes(LINES)
    for folder in [tmp_path, *tmp_path.parents][:3]:
        folder.chmod(0o755)
    path.chmod(0)
    user = os.geteuid()
    os.seteuid(65534 if user == 0 else user)
    try:
        for root in (tmp_path, f"file://{tmp_path}", f"local://{tmp_path}"):
            with pytest.raises(UserError, match=r"(?s)Permission denied.*you may read it"):
                ids(f"{root}/x.jsonl")
    finally:
        os.seteuid(user)


def test_a_damaged_archive_is_refused(tmp_path):
    """A transfer that broke off leaves half a file."""
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(LINES)[:-9])
    with pytest.raises(UserError, match=r"(?s)x\.jsonl\.gz.*cannot be read.*whole"):
        ids(path)
