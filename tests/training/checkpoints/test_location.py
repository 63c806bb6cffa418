"""Every run has a place of its own for its checkpoints."""

from pathlib import Path

from z1ray.storage import Storage
from z1ray.training.checkpoints import location, record
from z1ray.training.checkpoints.record import Checkpoint


def _checkpoint(place: Storage, step: int) -> None:
    """A whole checkpoint without files."""
    Path(place.below(record.folder_name(step)).path).mkdir(parents=True)
    record.finish(place, Checkpoint(step, {}), 2)


def test_two_runs_never_share_a_folder(tmp_path: Path) -> None:
    """With one train.checkpoint.storage in the experiments' common YAML, a run would resume from another's weights."""
    states = [tmp_path / name / "state" for name in "ab"]
    for state in states:
        location.begin_run(state, f"fsspec+local://{tmp_path}/bucket")
        _checkpoint(location.of_run(state), 2)
    first, second = (location.of_run(state) for state in states)
    assert first.path != second.path
    location.discard_run(states[0])
    assert record.find(first) == ([], [])
    assert [each.step for each in record.find(second)[0]] == [2]


def test_without_a_storage_they_lie_in_the_run_and_go_with_it(tmp_path: Path) -> None:
    """The default needs nothing but the folder that all nodes see anyway."""
    location.begin_run(tmp_path / "state", None)
    assert location.of_run(tmp_path / "state").path == str(tmp_path / "state" / "checkpoints")
    _checkpoint(location.of_run(tmp_path / "state"), 2)
    location.discard_run(tmp_path / "state")
    assert [each.step for each in record.find(location.of_run(tmp_path / "state"))[0]] == [2]
