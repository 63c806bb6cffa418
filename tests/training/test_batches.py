"""The plan: which example in which step, worker and micro-batch."""

from collections import Counter
from itertools import pairwise

import pytest

from z1ray.training import batches
from z1ray.training.config import TrainConfig
from z1ray.training.tokenize import IGNORED, TokenizedExample


def config(**overrides: int | None) -> TrainConfig:
    settings = {"num_workers": 2, "micro_batch_size": 2, "global_batch_size": 8, "num_epochs": 3}
    return TrainConfig(dataset="d", model="m", **(settings | overrides))  # type: ignore[arg-type]


LENGTHS = [10 + (7 * index) % 23 for index in range(21)]


def plan(settings: TrainConfig, step: int) -> list[list[list[int]]]:
    examples = batches.step_examples(step, len(LENGTHS), settings)
    return [batches.micro_batches(examples, LENGTHS, rank, settings) for rank in range(settings.num_workers)]


def test_every_example_is_seen_once_per_epoch() -> None:
    """No example lost or repeated over workers, micro-batches and the short last batch."""
    settings = config()
    per_epoch = batches.steps_per_epoch(len(LENGTHS), settings)
    assert per_epoch == 3
    for epoch in range(settings.num_epochs):
        steps = [plan(settings, epoch * per_epoch + within) for within in range(per_epoch)]
        seen = Counter(index for step in steps for worker in step for micro in worker for index in micro)
        assert seen == Counter(range(len(LENGTHS)))


def test_every_worker_has_as_many_micro_batches_even_in_the_last_step() -> None:
    """Under ZeRO-3 a worker with one pass fewer hangs all others for ever."""
    settings = config()
    last = plan(settings, 2)
    assert [len(worker) for worker in last] == [settings.accumulation_steps] * 2
    assert [[len(micro) for micro in worker] for worker in last] == [[2, 1], [2, 0]]


def test_order_follows_from_seed_and_epoch_alone() -> None:
    """A resumed worker recomputes the order; were it not the same, data would be seen twice or never."""
    first = batches.epoch_order(100, 0, 0)
    batches.epoch_order.cache_clear()
    assert batches.epoch_order(100, 0, 0) == first
    assert len({first, batches.epoch_order(100, 0, 1), batches.epoch_order(100, 1, 0)}) == 3
    # Pinned: a resume may happen on another machine, with another Python.
    assert batches.epoch_order(6, 0, 0) == (0, 5, 1, 4, 3, 2)


def test_micro_batches_group_alike_lengths_longest_first() -> None:
    """All workers of a turn wait for its longest; mixing lengths would waste the others' time."""
    turns = list(zip(*plan(config(), 0), strict=True))
    spans = [[LENGTHS[index] for micro in turn for index in micro] for turn in turns]
    assert all(min(before) >= max(after) for before, after in pairwise(spans))


@pytest.mark.parametrize(("max_steps", "expected"), [(None, 9), (4, 4), (50, 9)])
def test_max_steps_only_shortens(max_steps: int | None, expected: int) -> None:
    """The schedule's length is what is really run, so the learning rate does reach its end."""
    assert batches.num_steps(len(LENGTHS), config(max_steps=max_steps)) == expected


def test_collate_pads_to_the_longest_of_the_micro_batch() -> None:
    """Padding carries no label, wherever the rows' prompts end."""
    rows = [TokenizedExample("a", [5, 6, 7, 8], 1), TokenizedExample("b", [9, 3], 1)]
    input_ids, labels = batches.collate(rows)
    assert input_ids.tolist() == [[5, 6, 7, 8], [9, 3, 0, 0]]
    assert labels.tolist() == [[IGNORED, 6, 7, 8], [IGNORED, 3, IGNORED, IGNORED]]


def test_collate_of_nothing_can_pass_through_a_model() -> None:
    """A worker without examples still takes part; its one token is not trained."""
    input_ids, labels = batches.collate([])
    assert input_ids.shape == labels.shape == (1, 1)
    assert labels.tolist() == [[IGNORED]]
