"""How well a run's workers are filled: its steps are packed as training packs them, over lengths of the dataset.

Under ZeRO-3 all workers wait for the longest row. More workers than a global batch fills cost
GPU hours and gain nothing, which shows before anything is launched.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from z1ray.artifacts import MANIFEST
from z1ray.progress import say
from z1ray.settings import changed
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches, packing

LEAST_FILL = 0.8
"""The mean fill below which a plan warns."""

_MOST_STEPS = 32
_SIGMA = 1.0
_MOST_DOUBLINGS = 10


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of examples.

    Attributes:
        tokens: Of each example; none is longer than ``train.batch.max_length``.
        source: Where they come from, in words.
    """

    tokens: list[int]
    source: str


def tell_fill(config: TrainConfig) -> float:
    """Print the mean fill of the workers' rows, and a remedy where it is below ``LEAST_FILL``.

    Returns:
        The mean fill, from 0 to 1.
    """
    lengths = find_lengths(config)
    mean = mean_fill(config, lengths.tokens)
    say(f"fill of the rows of {config.num_workers} workers: {mean:.2f} on average ({lengths.source})")
    if mean < LEAST_FILL:
        say(f"warning: workers would wait for {1 - mean:.0%} of each step: {_remedy(config, lengths.tokens)}")
    return mean


def mean_fill(config: TrainConfig, lengths: Sequence[int]) -> float:
    """Fill ratio of the first steps of a run, each weighted by the tokens its workers could have done meanwhile.

    Args:
        config: The settings.
        lengths: Tokens of each example.
    """
    filled, offered = 0, 0.0
    for step in range(min(_MOST_STEPS, batches.num_steps(len(lengths), config))):
        examples = batches.step_examples(step, len(lengths), config)
        rounds = packing.pack(examples, lengths, capacity=config.batch.row_tokens, num_workers=config.num_workers)
        tokens = packing.num_tokens(examples, lengths)
        filled += tokens
        offered += tokens / packing.fill_ratio(rounds, lengths)
    return filled / offered


def find_lengths(config: TrainConfig) -> Lengths:
    """Lengths of the dataset's examples as curation counted them; without a finished dataset, made-up ones."""
    folder = Path(config.dataset)
    if (folder / MANIFEST).exists() and (tokens := _counted(folder, config.batch.max_length)):
        return Lengths(tokens, f"lengths of {len(tokens)} examples of {folder}")
    median = max(1, config.batch.max_length // 10)
    return Lengths(
        made_up(config, median),
        f"{folder} tells no lengths yet, so they are made up: log-normal, median {median} tokens, sigma {_SIGMA:g}",
    )


def made_up(config: TrainConfig, median: int) -> list[int]:
    """Long-tailed lengths for a few steps: log-normal, drawn again where longer than ``train.batch.max_length``."""
    draw = random.Random(config.seed)
    tokens: list[int] = []
    while len(tokens) < _MOST_STEPS * config.batch.global_batch_size:
        length = max(1, round(median * draw.lognormvariate(0.0, _SIGMA)))
        if length <= config.batch.max_length:
            tokens.append(length)
    return tokens


def _counted(folder: Path, longest: int) -> list[int]:
    """Prompt and response tokens of the kept examples that are trained on; the prompt's are the teacher's."""
    tokens: list[int] = []
    for path in sorted((folder / "data").glob("*.parquet")):
        table = pq.read_table(path, columns=["num_prompt_tokens", "num_tokens"], filters=[("kept", "=", True)])
        sums = pc.add(pc.coalesce(table["num_prompt_tokens"], 0), pc.coalesce(table["num_tokens"], 0))
        tokens += [length for length in sums.to_pylist() if 0 < length <= longest]
    return tokens


def _remedy(config: TrainConfig, lengths: Sequence[int]) -> str:
    """Fewer workers, or a larger global batch, whichever reaches ``LEAST_FILL``."""
    workers, batch = config.num_workers, config.batch.global_batch_size
    fewer = _first_filled(config, lengths, "num_workers", workers, lambda number: number // 2)
    larger = _first_filled(config, lengths, "batch.global_batch_size", batch, lambda number: number * 2)
    return f"set {' or '.join(filter(None, (fewer, larger)))}" if fewer or larger else "train on more examples"


def _first_filled(
    config: TrainConfig, lengths: Sequence[int], name: str, value: int, following: Callable[[int], int]
) -> str | None:
    """The first value, one after the other, that is filled; None if none is."""
    for _ in range(_MOST_DOUBLINGS):
        value = following(value)
        if value < 1:
            return None
        if mean_fill(changed(config, {name: value}), lengths) >= LEAST_FILL:
            return f"train.{name}={value}"
    return None
