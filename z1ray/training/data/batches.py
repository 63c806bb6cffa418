"""The data order: the global batch of each optimizer step, and the tensors of a micro-batch.

A global batch is a function of (number of examples, seed, step). There is no sampler
state to save: a resumed run continues at the right example, and every worker knows
the whole global batch, including its number of trained tokens, without communication.
``packing`` distributes its examples over rows, which does not affect the result of the step.

The last global batch of an epoch is smaller: no example is repeated or dropped, and
the loss is normalized by trained tokens, so its mean is exact.
"""

import functools
import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from z1ray.training.config import TrainConfig
from z1ray.training.data.tokenize import IGNORE_INDEX, TokenizedExample

if TYPE_CHECKING:
    import torch


def steps_per_epoch(num_examples: int, config: TrainConfig) -> int:
    """Number of optimizer steps per epoch."""
    return -(-num_examples // config.batch.global_batch_size)


def num_steps(num_examples: int, config: TrainConfig) -> int:
    """Number of optimizer steps of the whole run."""
    full = config.num_epochs * steps_per_epoch(num_examples, config)
    return full if config.max_steps is None else min(full, config.max_steps)


@functools.lru_cache(maxsize=2)
def epoch_order(num_examples: int, seed: int, epoch: int) -> tuple[int, ...]:
    """Indices of all examples in the shuffled order of ``epoch``."""
    order = list(range(num_examples))
    # Seeded by a string: sha512 of it, on every platform and in every process.
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return tuple(order)


def step_examples(step: int, num_examples: int, config: TrainConfig) -> tuple[int, ...]:
    """Indices of the examples in the global batch of ``step``, counted from 0."""
    epoch, within = divmod(step, steps_per_epoch(num_examples, config))
    start = within * config.batch.global_batch_size
    return epoch_order(num_examples, config.seed, epoch)[start : start + config.batch.global_batch_size]


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """One packed row: examples concatenated without padding.

    Attributes:
        input_ids: [1, tokens].
        position_ids: [1, tokens], starting at 0 in each example.
        boundaries: [examples + 1], int32, cumulative lengths: the offset of each example, and the end of the last.
        longest: Number of tokens of the longest example.
        trained: [trained], positions in the row whose next token is in the loss.
        targets: [trained], those next tokens. Never empty: a single ``IGNORE_INDEX`` if no token is in the loss.
    """

    input_ids: "torch.Tensor"
    position_ids: "torch.Tensor"
    boundaries: "torch.Tensor"
    longest: int
    trained: "torch.Tensor"
    targets: "torch.Tensor"

    def inputs(self, device: "torch.device | str") -> dict[str, Any]:
        """Keyword arguments of the model's ``forward``, on ``device``; boundaries have the names transformers uses."""
        return {
            "input_ids": self.input_ids.to(device),
            "position_ids": self.position_ids.to(device),
            "trained": self.trained.to(device),
            "targets": self.targets.to(device),
            "cu_seq_lens_q": self.boundaries.to(device),
            "max_length_q": self.longest,
        }


def micro_batch(examples: Sequence[TokenizedExample]) -> MicroBatch:
    """Concatenate examples into one row.

    Without examples, the row is a single token that is left out of the loss, since under ZeRO-3
    every worker has to take part in every forward and backward pass.
    """
    import torch

    lengths = [len(example.input_ids) for example in examples] or [1]
    starts = [0, *accumulate(lengths)]
    trained = [
        position
        for start, example in zip(starts, examples, strict=False)
        for position in range(start + example.num_prompt_tokens - 1, start + len(example.input_ids) - 1)
    ]
    targets = [token for example in examples for token in example.input_ids[example.num_prompt_tokens :]]
    return MicroBatch(
        input_ids=torch.tensor([[token for example in examples for token in example.input_ids] or [0]]),
        position_ids=torch.tensor([[position for length in lengths for position in range(length)]]),
        boundaries=torch.tensor(starts, dtype=torch.int32),
        longest=max(lengths),
        trained=torch.tensor(trained or [0]),
        targets=torch.tensor(targets or [IGNORE_INDEX]),
    )


def digest(trajectory_ids: Iterable[str]) -> str:
    """Short hash of a step's examples in order, for comparing runs."""
    return hashlib.sha256("\n".join(trajectory_ids).encode()).hexdigest()[:12]
