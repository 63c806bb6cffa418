"""Running out of memory names the setting and is told once."""

from pathlib import Path

import pytest
import torch

from z1ray.settings import changed
from z1ray.training.config import BatchConfig, TrainConfig
from z1ray.training.engine import out_of_memory

CONFIG = TrainConfig(dataset="d", model="m", batch=BatchConfig(micro_batch_size=4))


def test_a_real_failed_allocation_is_noted_and_told(tmp_path: Path) -> None:
    """The next start of the workers returns a message with a setting to type, instead of failing likewise."""
    assert out_of_memory.found(tmp_path, CONFIG) is None
    with pytest.raises(RuntimeError), out_of_memory.noted(tmp_path):
        torch.empty(1 << 60, dtype=torch.uint8)
    problem = out_of_memory.found(tmp_path, CONFIG)
    assert problem is not None
    assert problem.field == "train.batch.micro_batch_size"
    assert "train.batch.micro_batch_size=2" in problem.remedy
    smallest = out_of_memory.found(tmp_path, changed(CONFIG, {"batch.micro_batch_size": 1}))
    assert smallest is not None
    assert "more memory" in smallest.remedy
    out_of_memory.forget(tmp_path)
    assert out_of_memory.found(tmp_path, CONFIG) is None


def test_the_gpus_error_is_noted(tmp_path: Path) -> None:
    """Its message differs from the CPU allocator's."""
    with pytest.raises(torch.OutOfMemoryError), out_of_memory.noted(tmp_path):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
    assert out_of_memory.found(tmp_path, CONFIG) is not None


def test_other_errors_are_not(tmp_path: Path) -> None:
    """A crash that may pass is for Ray Train to restart."""
    with pytest.raises(RuntimeError), out_of_memory.noted(tmp_path):
        raise RuntimeError("connection reset")
    assert out_of_memory.found(tmp_path, CONFIG) is None
