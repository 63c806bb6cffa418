"""What a checkpoint is on disk, and whether it is whole.

A folder ``step-000050`` with two files of each worker in ``zero3/``, as DeepSpeed writes
them, and the record ``checkpoint.json``, which is written last and holds every file's size
and SHA-256. Without a record it was never finished; with other files than the record says
it is damaged.
"""

import hashlib
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from pyarrow.fs import FileSelector, FileType, LocalFileSystem, copy_files

from z1ray.storage import Storage

RECORD = "checkpoint.json"
TAG = "zero3"
"""The folder of DeepSpeed's files."""

Files = dict[str, tuple[int, str]]
"""Size in bytes and SHA-256 of files, by their path in the checkpoint."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was written to its end, as its record tells.

    Attributes:
        step: Optimizer steps taken.
        files: What it consists of.
    """

    step: int
    files: Files

    @property
    def name(self) -> str:
        """Its folder."""
        return folder_name(self.step)

    def of_worker(self, rank: int) -> Files:
        """The files that worker ``rank`` wrote; under ZeRO-3 they are all that it reads."""
        return {path: facts for path, facts in self.files.items() if path.startswith(f"{TAG}/zero_pp_rank_{rank}_")}


def folder_name(step: int) -> str:
    """The folder of the checkpoint after ``step`` optimizer steps."""
    return f"step-{step:06d}"


def find(storage: Storage) -> tuple[list[Checkpoint], list[str]]:
    """The checkpoints that were written to their end, newest first, and the folders of those that were not."""
    finished, unfinished = [], []
    infos = storage.filesystem.get_file_info(FileSelector(storage.path, allow_not_found=True))
    for info in sorted(infos, key=lambda info: info.base_name, reverse=True):
        if info.type == FileType.Directory and info.base_name.startswith("step-"):
            checkpoint = _read(storage.below(info.base_name))
            if checkpoint is None:
                unfinished.append(info.base_name)
            else:
                finished.append(checkpoint)
    return finished, unfinished


def finish(storage: Storage, checkpoint: Checkpoint, num_to_keep: int) -> None:
    """Write the record, and then remove every other checkpoint but the newest ``num_to_keep`` up to this one's step.

    What has a later step was left by a course of the run that is being done again.

    Raises:
        OSError: If the file system does not let it.
    """
    there = storage.below(checkpoint.name)
    with there.filesystem.open_output_stream(there.file(RECORD)) as file:
        file.write((json.dumps(asdict(checkpoint)) + "\n").encode())
    finished, unfinished = find(storage)
    kept = [each.name for each in finished if each.step <= checkpoint.step][:num_to_keep]
    for name in [*(each.name for each in finished), *unfinished]:
        if name not in kept:
            storage.below(name).remove()


@contextmanager
def fetched(storage: Storage, checkpoint: Checkpoint, files: Files) -> Iterator[Path]:
    """Some files of a checkpoint in a local folder; where they lie elsewhere, a copy for as long as the block runs."""
    there = storage.below(checkpoint.name)
    if storage.is_local:
        yield Path(there.path)
        return
    with staging() as folder:
        (folder / TAG).mkdir()
        for path in files:
            # A file that is gone is for `damage` to tell.
            if there.filesystem.get_file_info(there.file(path)).type == FileType.File:
                copy_files(there.file(path), str(folder / path), there.filesystem, LocalFileSystem())
        yield folder


@contextmanager
def staging() -> Iterator[Path]:
    """A folder on this machine's own disk (in ``TMPDIR``) for files that come from or go to other storage."""
    with tempfile.TemporaryDirectory(prefix="z1ray-checkpoint-") as folder:
        yield Path(folder)


def facts(folder: Path, files: list[Path]) -> Files:
    """What the record says about files in a checkpoint's folder."""
    return {str(file.relative_to(folder)): (file.stat().st_size, _digest(file)) for file in files}


def damage(folder: Path, files: Files) -> str | None:
    """What is wrong with files of a checkpoint, or None if they are whole."""
    for path, (size, digest) in files.items():
        file = folder / path
        if not file.exists():
            return f"{path} is missing"
        if file.stat().st_size != size:
            return f"{path} has {file.stat().st_size} of {size} bytes"
        if _digest(file) != digest:
            return f"{path} is not what was written, by its SHA-256"
    return None


def _read(folder: Storage) -> Checkpoint | None:
    try:
        with folder.filesystem.open_input_stream(folder.file(RECORD)) as file:
            record = json.loads(file.read())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
    return Checkpoint(record["step"], {path: (size, digest) for path, (size, digest) in record["files"].items()})


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
