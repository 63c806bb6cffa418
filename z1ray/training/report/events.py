"""A training's curves as TensorBoard events: ``tensorboard --logdir <output>/tensorboard``.

Written with TensorBoard's own records but without torch's ``SummaryWriter``, whose
background thread, once it has met a full disk, is waited for without end.
"""

import time
from pathlib import Path
from typing import Any

EVENTS = "tensorboard"

_TAGS = ("loss", "learning_rate", "grad_norm", "tokens_per_second", "fill_ratio", "mfu", "peak_memory_bytes")


class Events:
    """Writes one event per step.

    Args:
        output: The stage's folder.
        first_step: Steps taken before this start; TensorBoard leaves out what an earlier
            start wrote of later ones.
    """

    def __init__(self, output: Path, first_step: int) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        # TensorBoard reads a folder's files by name, so later starts come later.
        self._path = output / EVENTS / f"events.out.tfevents.{time.time_ns()}"
        self._path.parent.mkdir(exist_ok=True)
        self._write(file_version="brain.Event:2")
        self._write(step=first_step + 1, session_log=SessionLog(status=SessionLog.START))

    def add(self, row: dict[str, Any]) -> None:
        """Write a step's figures, at once, for a run may be killed at any time."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        values = [Summary.Value(tag=f"train/{tag}", simple_value=row[tag]) for tag in _TAGS if tag in row]
        self._write(step=row["step"], summary=Summary(value=values))

    def _write(self, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.summary.writer.record_writer import RecordWriter

        with self._path.open("ab") as file:
            RecordWriter(file).write(Event(wall_time=time.time(), **content).SerializeToString())
