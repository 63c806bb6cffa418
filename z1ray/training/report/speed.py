"""How hard a worker's GPU works: utilisation and peak memory, where there is a GPU that is known."""

from collections.abc import Iterable
from typing import Any

from z1ray.training.config import TrainConfig
from z1ray.training.plan import flops
from z1ray.training.plan.hardware import find_gpu
from z1ray.training.plan.shape import read_shape


class Speedometer:
    """Figures of a step that depend on the hardware; none on CPU.

    Args:
        config: The run.
    """

    def __init__(self, config: TrainConfig) -> None:
        self._num_gpus, self._peak = config.num_workers, None
        self._on_gpu = config.device == "gpu"
        if self._on_gpu:
            import torch

            gpu = find_gpu(torch.cuda.get_device_name())
            self._peak = gpu.peak_flops if gpu else None
        self._shape = read_shape(config.model) if self._peak else None

    def figures(self, lengths: Iterable[int], num_trained: int, seconds: float) -> dict[str, Any]:
        """``mfu`` and ``peak_memory_bytes`` of a step, where they can be told.

        Args:
            lengths: Tokens of each of the step's examples.
            num_trained: The step's trained tokens.
            seconds: The step's time.
        """
        if not self._on_gpu:
            return {}
        import torch

        found: dict[str, Any] = {"peak_memory_bytes": torch.cuda.max_memory_allocated()}
        if self._shape is not None and self._peak is not None:
            needed = flops.step_flops(self._shape, lengths, num_trained)
            found["mfu"] = round(flops.mfu(needed, seconds, self._num_gpus, self._peak), 4)
        return found
