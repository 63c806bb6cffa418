"""Checkpoints of a running training: each worker's shard of weights and optimizer.

A run resumes from the newest checkpoint that is whole (see ``record``) and says why it
passed over newer ones. Ray Train's own list of checkpoints is not used: it is one file,
rewritten in place, so that a kill or a full disk at the wrong moment loses every
checkpoint, and a run whose newest one is damaged or gone does not start at all.
"""

import errno
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pyarrow.fs import LocalFileSystem, copy_files

from z1ray.errors import UserError
from z1ray.files import UNWRITABLE
from z1ray.progress import MARK
from z1ray.storage import Storage
from z1ray.training.checkpoints import record
from z1ray.training.checkpoints.location import FIELD
from z1ray.training.checkpoints.record import TAG, Checkpoint, Files
from z1ray.upstream.deepspeed import writing_by

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine

_Result = TypeVar("_Result")


def save(engine: "DeepSpeedEngine", step: int, storage: Storage, num_to_keep: int) -> UserError | None:
    """Save the state after ``step`` optimizer steps; every worker has to call it.

    Once it is whole, older checkpoints but the newest ``num_to_keep`` are removed.

    Returns:
        None; or, on all workers alike, what the user has to fix first, such as a full disk.

    Raises:
        OSError: On all workers alike, if writing failed in a way that may pass.
    """
    import torch.distributed as dist

    rank, there = dist.get_rank(), storage.below(record.folder_name(step))
    try:
        _together(lambda: there.remove() if rank == 0 else None)
        with ExitStack() as stack:
            # A worker without a folder must not keep the others waiting within DeepSpeed.
            folder = _together(lambda: stack.enter_context(_written_to(there)))[rank]
            shards = _together(lambda: _write_shard(engine, folder, there, rank))
        checkpoint = Checkpoint(step, {path: facts for shard in shards for path, facts in shard.items()})
        _together(lambda: record.finish(storage, checkpoint, num_to_keep) if rank == 0 else None)
    except OSError as error:
        if rank == 0:
            # What is half there only takes room.
            with suppress(OSError):
                there.remove()
        if error.errno not in UNWRITABLE:
            raise
        return UserError(
            FIELD,
            storage.shown,
            f"the checkpoint of step {step} cannot be written there: {error}",
            "make room (one checkpoint more than train.checkpoint.keep has to fit) or fix the rights, then run the "
            "same command again: it continues from the newest checkpoint",
        )
    return None


def resume(engine: "DeepSpeedEngine", storage: Storage) -> int:
    """Load the newest whole checkpoint, if there is one; every worker has to call it.

    Each worker verifies the files that it is about to read, and all go by what any of them found.

    Returns:
        The number of optimizer steps taken so far.
    """
    import torch.distributed as dist

    rank = dist.get_rank()
    # One look by one worker, so that all try the same.
    finished, unfinished = _together(lambda: record.find(storage) if rank == 0 else ([], []))[0]
    passed_over = dict.fromkeys(unfinished, "it was not written to its end")
    for checkpoint in finished:
        files = checkpoint.of_worker(rank)
        with record.fetched(storage, checkpoint, files) as folder:
            found = _together(lambda: record.damage(folder, files))  # noqa: B023 (called at once)
            wrong = next((each for each in found if each is not None), None)
            if wrong is None:
                _tell(rank, checkpoint.step, {name: why for name, why in passed_over.items() if name > checkpoint.name})
                loaded, _ = engine.load_checkpoint(str(folder), tag=TAG)
                assert loaded is not None, folder
                return checkpoint.step
        passed_over[checkpoint.name] = f"it is damaged, {wrong}"
    _tell(rank, 0, passed_over)
    return 0


@contextmanager
def _written_to(there: Storage) -> Iterator[Path]:
    """Where DeepSpeed writes: the place itself, or a folder of this worker's whose files are then copied there."""
    there.filesystem.create_dir(there.file(TAG), recursive=True)
    if there.is_local:
        yield Path(there.path)
    else:
        with record.staging() as folder:
            yield folder


def _write_shard(engine: "DeepSpeedEngine", folder: Path, there: Storage, rank: int) -> Files:
    """Write this worker's files, and tell about them."""
    with _failures_held_back(engine) as failures:
        engine.save_checkpoint(str(folder), tag=TAG, save_latest=False)
    if failures:
        raise failures[0]
    files = sorted((folder / TAG).glob(f"zero_pp_rank_{rank}_*"))
    if not there.is_local:
        for file in files:
            copy_files(str(file), there.file(f"{TAG}/{file.name}"), LocalFileSystem(), there.filesystem)
    return record.facts(folder, files)


@contextmanager
def _failures_held_back(engine: "DeepSpeedEngine") -> Iterator[list[OSError]]:
    """Note rather than raise what fails while DeepSpeed writes.

    A worker that left ``save_checkpoint`` early would keep the others at its barriers until
    the process group's timeout, half an hour.
    """
    import torch

    failures: list[OSError] = []

    def write(state_dict: object, path: str) -> None:
        try:
            with Path(path).open("wb") as file:
                torch.save(state_dict, file)
        except (OSError, RuntimeError) as error:
            failures.append(_as_os_error(error, path))

    with writing_by(engine, write):
        yield failures


def _as_os_error(error: BaseException, path: str) -> OSError:
    """The file system's error, which torch may have wrapped in its own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            return OSError(cause.errno, cause.strerror, path)
        cause = cause.__cause__ or cause.__context__
    return OSError(errno.EIO, str(error), path)


def _together(work: Callable[[], _Result]) -> list[_Result]:
    """Do ``work`` on every worker: the results of all, or the first failure of any on all alike."""
    import torch.distributed as dist

    try:
        mine: tuple[_Result | None, OSError | None] = (work(), None)
    except OSError as error:
        mine = (None, error)
    outcomes: list[tuple[_Result, OSError | None]] = [None] * dist.get_world_size()  # type: ignore[list-item]
    dist.all_gather_object(outcomes, mine)
    for _, failure in outcomes:
        if failure is not None:
            raise failure
    return [result for result, _ in outcomes]


def _tell(rank: int, step: int, passed_over: dict[str, str]) -> None:
    """Why this start does not go on from the newest checkpoint."""
    if rank == 0 and passed_over:
        reasons = "; ".join(f"not from {name}: {why}" for name, why in sorted(passed_over.items()))
        # Ray carries a worker's stdout to the driver; Ray Train's own print would do so twice.
        sys.stdout.write(f"{MARK}train: continuing after step {step}, {reasons}\n")
        sys.stdout.flush()
