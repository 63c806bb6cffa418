"""Which examples go into which optimizer step, worker and micro-batch.

Everything here follows from (number of examples, seed, step): no state is kept,
so a resumed run continues at exactly the right example, and every worker can
tell the whole global batch, its token count included, without asking another.

The last global batch of an epoch is simply smaller. Its free places stay empty:
no example is repeated or left out, and since the loss counts trained tokens, not
rows, its average is exact.
"""

import functools
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from z1ray.training.config import TrainConfig
from z1ray.training.tokenize import IGNORED, TokenizedExample

if TYPE_CHECKING:
    import torch


def steps_per_epoch(num_examples: int, config: TrainConfig) -> int:
    """Optimizer steps of one pass over the data."""
    return -(-num_examples // config.global_batch_size)


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
    start = within * config.global_batch_size
    return epoch_order(num_examples, config.seed, epoch)[start : start + config.global_batch_size]


def micro_batches(examples: Sequence[int], lengths: Sequence[int], rank: int, config: TrainConfig) -> list[list[int]]:
    """One worker's share of a global batch: ``accumulation_steps`` lists of indices.

    The longest come first and alike lengths together, so there is little padding
    and workers, which ZeRO-3 keeps in step layer by layer, seldom wait. A list is
    shorter than ``micro_batch_size``, or empty, where examples have run out.
    """
    ordered = sorted(examples, key=lambda index: (-lengths[index], index))
    size = config.micro_batch_size
    starts = ((turn * config.num_workers + rank) * size for turn in range(config.accumulation_steps))
    return [ordered[start : start + size] for start in starts]


def collate(examples: Sequence[TokenizedExample]) -> tuple["torch.Tensor", "torch.Tensor"]:
    """Right-padded ``input_ids`` and ``labels``, each [rows, longest].

    Attention is causal and padding comes last, so no real token sees it, and its
    labels are ``IGNORED``: neither its id nor an attention mask matters. No
    examples give one ignored token, since under ZeRO-3 every worker has to take
    part in every pass.
    """
    import torch

    if not examples:
        return torch.zeros(1, 1, dtype=torch.long), torch.full((1, 1), IGNORED)
    longest = max(len(example.input_ids) for example in examples)
    padding = [longest - len(example.input_ids) for example in examples]
    ids = [example.input_ids + [0] * pad for example, pad in zip(examples, padding, strict=True)]
    labels = [example.labels + [IGNORED] * pad for example, pad in zip(examples, padding, strict=True)]
    return torch.tensor(ids), torch.tensor(labels)
