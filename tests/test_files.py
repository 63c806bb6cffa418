"""Files appear whole or not at all."""

import errno

import pytest

from z1ray.errors import UserError
from z1ray.files import remove, replacing, write_json, writing


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    """A reader never sees half a file, and a second try starts clean."""
    path = tmp_path / "new" / "facts.json"
    write_json(path, {"b": 1})
    with pytest.raises(TypeError), replacing(path) as partial:
        partial.write_bytes([b"half", None])  # type: ignore[arg-type]
    assert path.read_text() == '{\n  "b": 1\n}\n'
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_is_replaced_whole(tmp_path):
    """Nothing of the folder that was there before stays, nor of an interrupted attempt."""
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").touch()
    (tmp_path / ".model.partial").mkdir()
    (tmp_path / ".model.partial" / "stale").touch()
    with replacing(path) as partial:
        partial.mkdir()
        (partial / "new").touch()
    assert [file.name for file in path.iterdir()] == ["new"]
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    remove(path)
    remove(path)
    assert not path.exists()


def test_a_full_disk_is_the_users_to_fix_and_other_errors_are_not(tmp_path):
    """The one names the folder and what to do; the other keeps its traceback."""
    with pytest.raises(UserError, match="make room"), writing(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(FileNotFoundError), writing(tmp_path):
        (tmp_path / "none").read_text()
