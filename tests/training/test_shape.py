"""A model's sizes follow from its config.json, without its weights."""

from pathlib import Path

import pytest

from z1ray.training.shape import read_shape


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.json of Qwen2.5-7B, and nothing else."""
    from transformers import Qwen2Config

    folder = tmp_path_factory.mktemp("models") / "qwen"
    Qwen2Config(
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
        max_position_embeddings=32_768,
        tie_word_embeddings=False,
        architectures=["Qwen2ForCausalLM"],
    ).save_pretrained(folder)
    return folder


def test_the_papers_student(qwen: Path) -> None:
    """7.62 billion parameters, as its model card says; built as it is, the test would run out of memory."""
    shape = read_shape(str(qwen))
    assert shape.num_params == 7_615_616_512
    assert (shape.num_head, shape.num_embedding, shape.tied) == (544_997_376, 544_997_376, False)
    assert shape.num_body == 7_615_616_512 - 2 * 544_997_376
    assert (shape.num_layers, shape.hidden, shape.attention_width, shape.vocabulary) == (28, 3584, 3584, 152_064)
    # 57 norms of 3584, and biases of 28 x (3584 + 512 + 512).
    assert shape.num_persistent == 57 * 3584 + 28 * 4608


def test_tied_weights_count_once(smollm2: Path) -> None:
    """SmolLM2's head is its embedding; counted twice, its 134.5 M parameters would be 162.8 M."""
    shape = read_shape(str(smollm2))
    assert shape.num_params == 134_515_008
    assert shape.tied
    assert shape.num_body == shape.num_params - 49_152 * 576
