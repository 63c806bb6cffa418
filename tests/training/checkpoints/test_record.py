"""Only whole checkpoints count, on any file system."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from z1ray.storage import Storage, open_storage
from z1ray.training.checkpoints import record
from z1ray.training.checkpoints.record import Checkpoint


@pytest.fixture(params=["{}", "file://{}", "fsspec+local://{}"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """The same folder by three ways: a path, pyarrow's own file system, and one of fsspec's through pyarrow."""
    return open_storage(request.param.format(tmp_path / "checkpoints"), "field")


def write(place: Storage, step: int, num_to_keep: int = 2, *, finish: bool = True) -> Checkpoint:
    """A checkpoint of two workers, written as training does."""
    folder = Path(place.path) / record.folder_name(step)
    (folder / record.TAG).mkdir(parents=True)
    names = [f"zero_pp_rank_{rank}_mp_rank_00_{kind}_states.pt" for rank in (0, 1) for kind in ("model", "optim")]
    for name in names:
        (folder / record.TAG / name).write_text(f"{name} after step {step}")
    files = record.facts(folder, sorted((folder / record.TAG).iterdir()))
    if finish:
        record.finish(place, Checkpoint(step, files), num_to_keep)
    return Checkpoint(step, files)


def test_the_newest_ones_are_kept(place: Storage) -> None:
    """Each is three times the model's size: more than asked for would fill the disk, fewer leave nothing to fall
    back to.
    """
    for step in (2, 4, 6):
        write(place, step)
    finished, unfinished = record.find(place)
    assert [each.step for each in finished] == [6, 4]
    assert unfinished == []
    assert not (Path(place.path) / "step-000002").exists()


def test_what_an_abandoned_course_left_is_removed(place: Storage) -> None:
    """A run that fell back to step 2 must not find the old step 6 again once it has a step 4 of its own."""
    for step in (2, 6):
        write(place, step)
    write(place, 3, finish=False)
    write(place, 4)
    assert [each.step for each in record.find(place)[0]] == [4, 2]
    assert not (Path(place.path) / "step-000003").exists()


def cut_off(folder: Path) -> None:
    file = next((folder / record.TAG).glob("*rank_1*optim*"))
    file.write_bytes(file.read_bytes()[:10])


def remove(folder: Path) -> None:
    next((folder / record.TAG).glob("*rank_1*optim*")).unlink()


def flip(folder: Path) -> None:
    file = next((folder / record.TAG).glob("*rank_1*optim*"))
    file.write_bytes(b"Z" + file.read_bytes()[1:])


@pytest.mark.parametrize(
    ("harm", "told"),
    [(cut_off, "has 10 of 54 bytes"), (remove, "is missing"), (flip, "is not what was written, by its SHA-256")],
)
def test_harm_is_found_by_the_worker_whose_file_it_is(place: Storage, harm: Callable[[Path], None], told: str) -> None:
    """Each reads and verifies its own two files, so together they read every byte once; the harm has a name."""
    checkpoint = write(place, 2)
    harm(Path(place.path) / checkpoint.name)
    wrong = []
    for rank in (0, 1):
        files = checkpoint.of_worker(rank)
        assert len(files) == 2
        with record.fetched(place, checkpoint, files) as folder:
            wrong.append(record.damage(folder, files))
    assert wrong == [None, f"zero3/zero_pp_rank_1_mp_rank_00_optim_states.pt {told}"]


@pytest.mark.parametrize("left", [None, "", '{"step": 4, "fil'])
def test_one_without_a_whole_record_was_never_finished(place: Storage, left: str | None) -> None:
    """Killed before the record, or while it was written: what lies there is no checkpoint."""
    write(place, 2)
    write(place, 4, finish=False)
    if left is not None:
        (Path(place.path) / "step-000004" / record.RECORD).write_text(left)
    finished, unfinished = record.find(place)
    assert [each.step for each in finished] == [2]
    assert unfinished == ["step-000004"]


def test_a_fetched_copy_does_not_outlive_its_use(place: Storage) -> None:
    """A copy is as large as the checkpoint; a shared folder is used where it lies, and stays."""
    checkpoint = write(place, 2)
    with record.fetched(place, checkpoint, checkpoint.files) as folder:
        assert record.damage(folder, checkpoint.files) is None
    assert folder.exists() == place.is_local
    assert (Path(place.path) / checkpoint.name).exists()


def test_the_record_is_readable_by_other_tools(place: Storage) -> None:
    """Sizes and digests by path: enough to check a copied checkpoint with sha256sum."""
    checkpoint = write(place, 2)
    content = json.loads((Path(place.path) / checkpoint.name / record.RECORD).read_text())
    assert content["step"] == 2
    assert {path: tuple(facts) for path, facts in content["files"].items()} == checkpoint.files
