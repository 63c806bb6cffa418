"""The plan: which example in which step; and the tensors of a row."""

from collections import Counter
from collections.abc import Mapping

import pytest

from z1ray.settings import changed
from z1ray.training.config import BatchConfig, TrainConfig
from z1ray.training.data import batches
from z1ray.training.data.tokenize import IGNORE_INDEX, TokenizedExample


def config(values: Mapping[str, int | None] | None = None) -> TrainConfig:
    base = TrainConfig(
        dataset="d", model="m", num_workers=2, num_epochs=3, batch=BatchConfig(micro_batch_size=2, global_batch_size=8)
    )
    return changed(base, values or {})


NUM_EXAMPLES = 21


def test_every_example_is_seen_once_per_epoch() -> None:
    """No example lost or repeated over steps, the short last one included."""
    settings = config()
    per_epoch = batches.steps_per_epoch(NUM_EXAMPLES, settings)
    assert per_epoch == 3
    for epoch in range(settings.num_epochs):
        steps = [batches.step_examples(epoch * per_epoch + within, NUM_EXAMPLES, settings) for within in range(3)]
        assert [len(step) for step in steps] == [8, 8, 5]
        assert Counter(index for step in steps for index in step) == Counter(range(NUM_EXAMPLES))


def test_order_follows_from_seed_and_epoch_alone() -> None:
    """A resumed worker recomputes the order; were it not the same, data would be seen twice or never."""
    first = batches.epoch_order(100, 0, 0)
    batches.epoch_order.cache_clear()
    assert batches.epoch_order(100, 0, 0) == first
    assert len({first, batches.epoch_order(100, 0, 1), batches.epoch_order(100, 1, 0)}) == 3
    # Pinned: a resume may happen on another machine, with another Python.
    assert batches.epoch_order(6, 0, 0) == (0, 5, 1, 4, 3, 2)


def test_how_examples_are_packed_does_not_decide_when_they_are_seen() -> None:
    """Rows of another length, or more workers, take the very same optimizer steps."""
    other = config({"num_workers": 8, "batch.micro_batch_size": 1, "batch.max_length": 64})
    for step in range(6):
        expected = batches.step_examples(step, NUM_EXAMPLES, config())
        assert batches.step_examples(step, NUM_EXAMPLES, other) == expected


@pytest.mark.parametrize(("max_steps", "expected"), [(None, 9), (4, 4), (50, 9)])
def test_max_steps_only_shortens(max_steps: int | None, expected: int) -> None:
    """The schedule's length is what is really run, so the learning rate does reach its end."""
    assert batches.num_steps(NUM_EXAMPLES, config({"max_steps": max_steps})) == expected


def test_a_row_holds_its_examples_end_to_end() -> None:
    """Positions start anew in each; a position is trained if its next token is, which never is the next example's."""
    row = batches.micro_batch([TokenizedExample("a", [5, 6, 7, 8], 1), TokenizedExample("b", [9, 3, 4], 2)])
    assert row.input_ids.tolist() == [[5, 6, 7, 8, 9, 3, 4]]
    assert row.position_ids.tolist() == [[0, 1, 2, 3, 0, 1, 2]]
    assert row.boundaries.tolist() == [0, 4, 7]
    assert row.longest == 4
    assert row.trained.tolist() == [0, 1, 2, 5]
    assert row.targets.tolist() == [6, 7, 8, 4]


def test_a_row_of_nothing_can_pass_through_a_model() -> None:
    """A worker without examples still takes part; its one token is not trained."""
    row = batches.micro_batch([])
    assert row.input_ids.shape == row.position_ids.shape == (1, 1)
    assert row.boundaries.tolist() == [0, 1]
    assert (row.trained.tolist(), row.targets.tolist()) == ([0], [IGNORE_INDEX])
