"""Settings of supervised fine-tuning."""

from dataclasses import dataclass
from typing import Literal

from omegaconf import MISSING

from z1ray.errors import UserError
from z1ray.settings import check, setting

Precision = Literal["bf16", "float32"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """AdamW and its learning-rate schedule."""

    lr: float = setting(1e-5, "Peak learning rate: linear warm-up, then cosine decay to 0.", above=0)
    warmup_steps: int = setting(100, "Optimizer steps of linear warm-up.", least=0)
    weight_decay: float = setting(0.0, "AdamW's weight decay; where not 0, it applies to all parameters.", least=0)
    gradient_clipping: float = setting(1.0, "Largest global gradient norm.", above=0)

    def __post_init__(self) -> None:
        check(self, "train.optimizer")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConfig:
    """How many examples an optimizer step takes, and how many tokens a forward pass."""

    global_batch_size: int = setting(
        128,
        "Sequences per optimizer step over all workers. The paper and its README say 128; its script's 8 x 2 x 16 "
        "makes 256.",
        least=1,
    )
    micro_batch_size: int = setting(
        2,
        "Full-length sequences per forward pass and worker. Examples are packed without padding into rows of at most "
        "micro_batch_size x max_length tokens; the number of rows per step follows from the examples. After running "
        "out of memory a smaller one continues from the checkpoint.",
        least=1,
        role="operational",
    )
    max_length: int = setting(16384, "Longest sequence in tokens; longer examples are dropped and counted.", least=1)

    def __post_init__(self) -> None:
        check(self, "train.batch")

    @property
    def row_tokens(self) -> int:
        """Tokens that fit into one packed row, which is one micro-batch of one worker."""
        return self.micro_batch_size * self.max_length


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryConfig:
    """What is traded for GPU memory; the result stays the same."""

    gradient_checkpointing: bool = setting(
        True, "Recompute activations in the backward pass instead of storing them.", role="operational"
    )
    offload: bool = setting(False, "Keep parameters and optimizer states of ZeRO-3 in CPU memory.", role="operational")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """How often the training state is saved, and where."""

    every: int = setting(50, "Optimizer steps between checkpoints.", least=1, role="operational")
    keep: int = setting(
        2,
        "The newest checkpoints that are kept. While one is written there is one more.",
        least=1,
        role="operational",
    )
    storage: str | None = setting(
        None,
        "Where a new run's checkpoints go: an absolute folder that all nodes see, or a URL of a "
        "protocol that pyarrow or fsspec knows, such as s3://bucket/folder; unset is the stage's own folder. A run "
        "that has begun stays with the place it began with.",
        role="operational",
    )

    def __post_init__(self) -> None:
        check(self, "train.checkpoint")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailuresConfig:
    """How many failures are survived before training gives up."""

    max_failures: int = setting(3, "Failures of workers after which training gives up.", least=0, role="operational")
    max_failed_starts: int = setting(
        -1,
        "Starts of the workers that may fail or time out, as where a node is missing, before training gives up; "
        "-1 keeps trying.",
        least=-1,
        role="operational",
    )

    def __post_init__(self) -> None:
        check(self, "train.failures")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportConfig:
    """The exported model."""

    precision: Precision | None = setting(
        None, "Of the exported weights; that of training if unset.", role="operational"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """dataset -> checkpoint. The defaults are the paper's recipe."""

    dataset: str = setting(MISSING, "Folder that curation wrote.")
    model: str = setting(MISSING, "The student: a folder or a hub name.")
    system_prompt: str = setting(
        "Please reason step by step.", "The system turn of every training example; none if empty."
    )
    device: Literal["cpu", "gpu"] = setting("gpu", "`gpu` trains over NCCL, `cpu` over gloo.")
    precision: Precision = setting("bf16", "Of weights and activations; bf16 keeps float32 master weights.")
    num_workers: int = setting(8, "Data-parallel workers, one GPU each.", least=1)
    cpus_per_worker: int = setting(1, "CPUs Ray reserves per worker.", least=1, role="operational")
    num_epochs: int = setting(2, "Passes over the data.", least=1)
    max_steps: int | None = setting(None, "Stop after this many optimizer steps; unset runs all epochs.", least=1)
    seed: int = setting(0, "Seed of the data order.")
    optimizer: OptimizerConfig = setting(OptimizerConfig, "AdamW and its learning rate.")
    batch: BatchConfig = setting(BatchConfig, "Sizes of the batches.")
    memory: MemoryConfig = setting(MemoryConfig, "What is traded for GPU memory.")
    checkpoint: CheckpointConfig = setting(CheckpointConfig, "Checkpoints of an unfinished run.")
    failures: FailuresConfig = setting(FailuresConfig, "When training gives up.")
    export: ExportConfig = setting(ExportConfig, "The exported model.")

    def __post_init__(self) -> None:
        check(self, "train")
        if self.memory.offload and self.device == "cpu":
            raise UserError(
                "train.memory.offload", True, "on CPU everything is in CPU memory already", "set it to false"
            )
        if self.batch.global_batch_size < self.num_workers:
            raise UserError(
                "train.batch.global_batch_size",
                self.batch.global_batch_size,
                f"some of the {self.num_workers} workers would never get an example",
                f"set it to {self.num_workers} or more, or lower train.num_workers",
            )

    @property
    def dtype_of_export(self) -> str:
        """The exported model's precision, by torch's name."""
        return "bfloat16" if (self.export.precision or self.precision) == "bf16" else "float32"
