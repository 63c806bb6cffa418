"""Settings of supervised fine-tuning."""

from dataclasses import dataclass
from typing import ClassVar, Literal

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
        micro_batch_size: Full-length sequences per forward pass and worker. Examples are packed into rows
            of at most micro_batch_size x max_length tokens, without padding; how many rows a worker has
            in a step (its gradient accumulation) follows from the examples.
        max_length: Longest sequence in tokens; longer examples are dropped and counted.
        gradient_checkpointing: Recompute activations in the backward pass.
        offload: Keep parameters and optimizer states of ZeRO-3 in CPU memory.
        checkpoint_every: Optimizer steps between checkpoints.
        keep_checkpoints: The newest checkpoints that are kept. While one is written there is one more.
        checkpoint_storage: Where checkpoints go: an absolute folder that all nodes see, or a URL such as
            s3://bucket/folder, gs://bucket/folder or fsspec+PROTOCOL://folder; None is the stage's own folder.
        max_failures: Failures of workers after which training gives up.
        max_failed_starts: Starts of the workers that may fail or time out, as where a node is missing,
            before training gives up; -1 keeps trying.
        export_precision: Of the exported model; None is that of training.
        seed: Seed of the data order.
    """

    # How, not what: a run may be continued with other values (see z1ray.artifacts.begin).
    OPERATIONAL: ClassVar[tuple[str, ...]] = (
        "cpus_per_worker",
        "checkpoint_every",
        "keep_checkpoints",
        "max_failures",
        "max_failed_starts",
    )

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
    keep_checkpoints: int = 2
    checkpoint_storage: str | None = None
    max_failures: int = 3
    max_failed_starts: int = -1
    export_precision: Literal["bf16", "float32"] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("num_workers", "cpus_per_worker", "num_epochs", "global_batch_size", "micro_batch_size", "max_length")
        for name in (*counts, "checkpoint_every", "keep_checkpoints"):
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
        if self.max_failed_starts < -1:
            raise UserError(
                "train.max_failed_starts",
                self.max_failed_starts,
                "it is a count",
                "set it to 0 or more, or -1 for no limit",
            )
        if self.offload and self.device == "cpu":
            raise UserError("train.offload", True, "on CPU everything is in CPU memory already", "set it to false")
        if self.global_batch_size < self.num_workers:
            raise UserError(
                "train.global_batch_size",
                self.global_batch_size,
                f"some of the {self.num_workers} workers would never get an example",
                f"set it to {self.num_workers} or more, or lower train.num_workers",
            )

    @property
    def row_tokens(self) -> int:
        """Tokens that fit into one packed row, which is one micro-batch of one worker."""
        return self.micro_batch_size * self.max_length

    @property
    def dtype_of_export(self) -> str:
        """The exported model's precision, by torch's name."""
        return "bfloat16" if (self.export_precision or self.precision) == "bf16" else "float32"
