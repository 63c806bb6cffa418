"""Checkpoints of a running training: each worker's shard of weights and optimizer.

All workers write into one folder on the run's own storage and then report it to
Ray Train. It counts only once it is reported, which is after the last worker
has written its shard, so a half-written one is never resumed from. Ray Train
keeps the newest two.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray.train
from ray.train import Checkpoint, CheckpointUploadMode

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine

NUM_TO_KEEP = 2

_TAG = "zero3"
_STEP = "step.json"


def save(engine: "DeepSpeedEngine", step: int, run_folder: Path, metrics: dict[str, Any]) -> None:
    """Save the state after ``step`` optimizer steps; every worker has to call it.

    Args:
        engine: The engine.
        step: Optimizer steps taken.
        run_folder: The folder of Ray Train's run, which all nodes see.
        metrics: Figures kept with the checkpoint.
    """
    folder = run_folder / f"step-{step:06d}"
    # Its own barriers make every shard lie there before any worker returns.
    engine.save_checkpoint(str(folder), tag=_TAG, save_latest=False)
    if ray.train.get_context().get_world_rank() == 0:
        (folder / _STEP).write_text(json.dumps({"step": step}) + "\n")
    ray.train.report(
        metrics,
        checkpoint=Checkpoint.from_directory(str(folder)),
        checkpoint_upload_mode=CheckpointUploadMode.NO_UPLOAD,
    )


def resume(engine: "DeepSpeedEngine") -> int:
    """Load the newest checkpoint, if there is one; the number of optimizer steps taken so far."""
    checkpoint = ray.train.get_checkpoint()
    if checkpoint is None:
        return 0
    with checkpoint.as_directory() as folder:
        loaded, _ = engine.load_checkpoint(folder, tag=_TAG)
        assert loaded is not None, folder
        return int(json.loads((Path(folder) / _STEP).read_text())["step"])
