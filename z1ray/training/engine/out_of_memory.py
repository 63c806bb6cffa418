"""Out-of-memory errors: reported once with the setting that helps, instead of failing on every restart.

A single worker may run out of memory while the others wait for it in a collective operation. It records the
error in the run's state folder and fails, so Ray Train restarts the workers; they find the record and return.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from z1ray.errors import UserError
from z1ray.files import remove, write_text
from z1ray.training.config import TrainConfig

_NOTE = "out-of-memory.txt"


@contextmanager
def noted(state: Path) -> Iterator[None]:
    """Record an out-of-memory error raised in the block, and re-raise it."""
    import torch

    try:
        yield
    except RuntimeError as error:
        # torch.OutOfMemoryError is the GPU's; its allocator on CPU raises a plain RuntimeError.
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            write_text(state / _NOTE, str(error).splitlines()[0])
        raise


def found(state: Path, config: TrainConfig) -> UserError | None:
    """The error to report if an earlier start of this run has run out of memory; None if not."""
    try:
        what = (state / _NOTE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    smaller = (
        [f"train.batch.micro_batch_size={config.batch.micro_batch_size // 2}"]
        if config.batch.micro_batch_size > 1
        else []
    )
    smaller += [] if config.memory.gradient_checkpointing else ["train.memory.gradient_checkpointing=true"]
    change = f"set {' and '.join(smaller)}" if smaller else "use GPUs with more memory"
    return UserError(
        "train.batch.micro_batch_size",
        config.batch.micro_batch_size,
        f"a worker ran out of memory: {what}",
        f"{change}, then run the same command again: it continues from the newest checkpoint",
    )


def forget(state: Path) -> None:
    """Remove the record, when the user starts the run again."""
    remove(state / _NOTE)
