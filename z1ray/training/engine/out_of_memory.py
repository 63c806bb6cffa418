"""Running out of memory: told with the setting that helps, instead of the same failure on every restart.

Only one worker may run out, while the others wait for it in a collective. So it leaves a note in the run's
state folder and fails, which makes Ray Train start the workers again; they read the note and return at once.
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
    """Leave a note if the block runs out of memory; the error goes on."""
    import torch

    try:
        yield
    except RuntimeError as error:
        # torch.OutOfMemoryError is the GPU's; its allocator on CPU raises a plain RuntimeError.
        if isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error):
            write_text(state / _NOTE, str(error).splitlines()[0])
        raise


def found(state: Path, config: TrainConfig) -> UserError | None:
    """What to tell if an earlier start of this run noted that it ran out of memory."""
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
    """Remove the note, before the run is tried again by its user."""
    remove(state / _NOTE)
