"""Which examples go into which optimizer step, and a micro-batch's tensors.

The plan follows from (number of examples, seed, step): no state is kept, so a
resumed run continues at exactly the right example, and every worker can tell the
whole global batch, its token count included, without asking another. How a step's
examples share rows is ``packing``'s part, and changes nothing about the step.

The last global batch of an epoch is simply smaller: no example is repeated or left
out, and since the loss counts trained tokens, not rows, its average is exact.
"""

import functools
import hashlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from z1ray.training.config import TrainConfig
from z1ray.training.data.tokenize import IGNORED, TokenizedExample

if TYPE_CHECKING:
    import torch


def steps_per_epoch(num_examples: int, config: TrainConfig) -> int:
    """Optimizer steps of one pass over the data."""
    return -(-num_examples // config.batch.global_batch_size)


def num_steps(num_examples: int, config: TrainConfig) -> int:
    """Optimizer steps of the whole run."""
    full = config.num_epochs * steps_per_epoch(num_examples, config)
    return full if config.max_steps is None else min(full, config.max_steps)


@functools.lru_cache(maxsize=2)
def epoch_order(num_examples: int, seed: int, epoch: int) -> tuple[int, ...]:
    """The examples' indices in the order of one epoch."""
    order = list(range(num_examples))
    # Seeded by a string: sha512 of it, on every platform and in every process.
    random.Random(f"{seed}/{epoch}").shuffle(order)
    return tuple(order)


def step_examples(step: int, num_examples: int, config: TrainConfig) -> tuple[int, ...]:
    """The global batch of a step (counted from 0): indices of its examples."""
    epoch, within = divmod(step, steps_per_epoch(num_examples, config))
    start = within * config.batch.global_batch_size
    return epoch_order(num_examples, config.seed, epoch)[start : start + config.batch.global_batch_size]


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """One row of examples, one after the other, with no padding.

    Attributes:
        input_ids: [1, tokens].
        position_ids: [1, tokens], counted from 0 in each example.
        boundaries: [examples + 1], int32: where each example starts, and the end of the last.
        longest: Tokens of the longest example.
        trained: [trained]: the positions in the row whose next token is trained.
        targets: [trained]: those next tokens. Never empty: if nothing is trained, one ``IGNORED``.
    """

    input_ids: "torch.Tensor"
    position_ids: "torch.Tensor"
    boundaries: "torch.Tensor"
    longest: int
    trained: "torch.Tensor"
    targets: "torch.Tensor"

    def inputs(self, device: "torch.device | str") -> dict[str, Any]:
        """What the model is called with; the boundaries under transformers' own names."""
        return {
            "input_ids": self.input_ids.to(device),
            "position_ids": self.position_ids.to(device),
            "trained": self.trained.to(device),
            "targets": self.targets.to(device),
            "cu_seq_lens_q": self.boundaries.to(device),
            "max_length_q": self.longest,
        }


def micro_batch(examples: Sequence[TokenizedExample]) -> MicroBatch:
    """Lay examples into one row.

    No examples give one token that is not trained, since under ZeRO-3 every worker
    has to take part in every pass.
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
        targets=torch.tensor(targets or [IGNORED]),
    )


def digest(trajectory_ids: Iterable[str]) -> str:
    """A short name of a step's examples in their order, to compare runs by."""
    return hashlib.sha256("\n".join(trajectory_ids).encode()).hexdigest()[:12]
