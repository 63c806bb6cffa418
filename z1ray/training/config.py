"""Settings of supervised fine-tuning."""

from dataclasses import dataclass
from typing import Literal

from omegaconf import MISSING

from z1ray.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """dataset -> checkpoint. The defaults are the paper's recipe.

    Attributes:
        dataset: Folder that curation wrote.
        model: The student: a folder or a hub name.
        system_prompt: The system turn of every training example; none if empty.
        device: ``gpu`` trains over NCCL, ``cpu`` over gloo.
        num_workers: Data-parallel workers, one GPU each.
        cpus_per_worker: CPUs Ray reserves per worker.
        precision: Of weights and activations; bf16 keeps float32 master weights.
        num_epochs: Passes over the data.
        max_steps: Stop after this many optimizer steps; None runs all epochs.
        learning_rate, warmup_steps, weight_decay: AdamW with linear warm-up and cosine decay
            to 0. Weight decay, where not 0, applies to all parameters.
        gradient_clipping: Largest global gradient norm.
        global_batch_size: Sequences per optimizer step over all workers. The paper and
            its README say 128; its script's 8 x 2 x 16 makes 256.
        micro_batch_size: Sequences per forward pass and worker; gradient accumulation follows from it.
        max_length: Longest sequence in tokens; longer examples are dropped and counted.
        gradient_checkpointing: Recompute activations in the backward pass.
        offload: Keep parameters and optimizer states of ZeRO-3 in CPU memory.
        checkpoint_every: Optimizer steps between checkpoints.
        max_failures: Worker failures after which training gives up.
        seed: Seed of the data order.
    """

    dataset: str = MISSING
    model: str = MISSING
    system_prompt: str = "Please reason step by step."
    device: Literal["cpu", "gpu"] = "gpu"
    num_workers: int = 8
    cpus_per_worker: int = 1
    precision: Literal["bf16", "float32"] = "bf16"
    num_epochs: int = 2
    max_steps: int | None = None
    learning_rate: float = 1e-5
    warmup_steps: int = 100
    weight_decay: float = 0.0
    gradient_clipping: float = 1.0
    global_batch_size: int = 128
    micro_batch_size: int = 2
    max_length: int = 16384
    gradient_checkpointing: bool = True
    offload: bool = False
    checkpoint_every: int = 50
    max_failures: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("num_workers", "cpus_per_worker", "num_epochs", "global_batch_size", "micro_batch_size", "max_length")
        for name in (*counts, "checkpoint_every"):
            if getattr(self, name) < 1:
                raise UserError(f"train.{name}", getattr(self, name), "it is a count", "set it to 1 or more")
        if self.max_steps is not None and self.max_steps < 1:
            raise UserError("train.max_steps", self.max_steps, "it is a count", "set it to 1 or more, or leave it out")
        for name in ("learning_rate", "gradient_clipping"):
            if getattr(self, name) <= 0:
                raise UserError(f"train.{name}", getattr(self, name), "nothing would be learned", "set it above 0")
        for name in ("warmup_steps", "weight_decay", "max_failures"):
            if getattr(self, name) < 0:
                raise UserError(f"train.{name}", getattr(self, name), "it cannot be negative", "set it to 0 or more")
        if self.offload and self.device == "cpu":
            raise UserError("train.offload", True, "on CPU everything is in CPU memory already", "set it to false")
        per_pass = self.num_workers * self.micro_batch_size
        if self.global_batch_size % per_pass:
            raise UserError(
                "train.global_batch_size",
                self.global_batch_size,
                f"it is no multiple of num_workers x micro_batch_size = {self.num_workers} x {self.micro_batch_size}",
                f"set it to a multiple of {per_pass}",
            )

    @property
    def accumulation_steps(self) -> int:
        """Micro-batches per worker and optimizer step."""
        return self.global_batch_size // (self.num_workers * self.micro_batch_size)
