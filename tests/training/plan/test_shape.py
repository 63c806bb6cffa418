"""A model's sizes follow from its config.json, without its weights."""

from pathlib import Path

from z1ray.training.plan.shape import read_shape


def test_the_papers_student(student: Path) -> None:
    """7.62 billion parameters, as its model card says; built as it is, the test would run out of memory."""
    shape = read_shape(str(student))
    assert shape.num_params == 7_615_616_512
    assert (shape.num_head, shape.num_embedding, shape.tied) == (544_997_376, 544_997_376, False)
    assert shape.num_body == 7_615_616_512 - 2 * 544_997_376
    assert (shape.num_layers, shape.hidden, shape.attention_width, shape.vocabulary) == (28, 3584, 3584, 152_064)
    # 57 norms of 3584, and biases of 28 x (3584 + 512 + 512).
    assert shape.num_persistent == 57 * 3584 + 28 * 4608


def test_tied_weights_count_once(small_student: Path) -> None:
    """SmolLM2's head is its embedding; counted twice, its 134.5 M parameters would be 162.8 M."""
    shape = read_shape(str(small_student))
    assert shape.num_params == 134_515_008
    assert shape.tied
    assert shape.num_body == shape.num_params - 49_152 * 576
