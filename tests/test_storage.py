"""A path or a URL is opened by one function, for reading and for writing."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow.fs import FileType

from z1ray.errors import UserError
from z1ray.storage import file_system, open_storage, require_writable


@pytest.mark.parametrize("where", ["{}", "file://{}", "local://{}", "fsspec+local://{}"])
def test_one_folder_by_four_ways(where: str, tmp_path: Path) -> None:
    """A path, a URL of pyarrow's and one that asks for fsspec's file system; white space stays.
    Only to what needs no copy do workers write straight.
    """
    folder = tmp_path / "my folder"
    storage = open_storage(where.format(folder), "a.field")
    assert Path(storage.path) == folder
    assert storage.is_local == (not where.startswith("fsspec"))
    require_writable(storage.below("x"), "a.field")
    assert list((folder / "x").iterdir()) == []


def test_a_protocol_that_pyarrow_does_not_know_is_fsspecs() -> None:
    """Whoever has the package writes the URL that its documentation shows."""
    storage = open_storage("memory://z1ray-storage/x", "a.field")
    require_writable(storage, "a.field")
    assert not storage.is_local
    storage.remove()
    storage.remove()
    assert storage.filesystem.get_file_info(storage.path).type == FileType.NotFound


@pytest.mark.parametrize("where", ["file://{}", "local://{}", "fsspec+local://{}"])
def test_a_name_below_the_folder_is_taken_as_it_is(where: str, tmp_path: Path) -> None:
    """A file may be called 100%.jsonl, and a pattern has brackets."""
    for name in ("100%.jsonl", "[ab]%20*.jsonl"):
        _, path = file_system(f"{where.format(tmp_path)}/", name)
        assert Path(path) == tmp_path / name


def test_a_file_within_an_archive_is_reached(tmp_path: Path) -> None:
    """Fsspec's URLs may go on with the place of the archive."""
    import zipfile

    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/a.jsonl", "{}\n")
    filesystem, path = file_system("zip://in/", f"a.jsonl::file://{tmp_path}/x.zip")
    with filesystem.open_input_stream(path) as file:
        assert file.read() == b"{}\n"


@pytest.mark.parametrize(
    ("folder", "options", "error", "problem"),
    [
        ("nowhere://x", "", ValueError, "Protocol not known"),
        ("memory://x", "?a=b", ValueError, "takes no options"),
        ("s3://:bad url/", "", pa.ArrowInvalid, "Cannot parse URI"),
        ("relative/folder", "", pa.ArrowInvalid, "empty scheme"),
        ("dropbox://x", "", ImportError, "dropboxdrivefs"),
    ],
)
def test_each_mistake_has_its_kind(folder: str, options: str, error: type[Exception], problem: str) -> None:
    """Readers of sources give each its own remedy."""
    with pytest.raises(error, match=problem):
        file_system(folder, options=options)


@pytest.mark.parametrize(
    "where", ["relative/folder", "nowhere://bucket/x", "fsspec+nowhere://x", "s3://", "/", "dropbox://x"]
)
def test_a_storage_that_cannot_be_opened_is_told(where: str) -> None:
    """Before anything starts, by the key that names it."""
    with pytest.raises(UserError, match="cannot be opened") as caught:
        open_storage(where, "a.field")
    assert (caught.value.field, caught.value.value) == ("a.field", where)


@pytest.mark.parametrize("where", ["{}/file/below", "http://127.0.0.1:9/x"])
def test_a_storage_that_cannot_be_written_is_told(where: str, tmp_path: Path) -> None:
    """A bad place, or one for reading only, is found by the driver, not by the first checkpoint an hour later."""
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written to") as caught:
        require_writable(open_storage(where.format(tmp_path), "a.field"), "a.field")
    assert caught.value.field == "a.field"
