"""Activations are counted from the model's own code, and grow as they do when it runs."""

from pathlib import Path

import torch

from z1ray.training.plan.activations import Activations, trace


def traced(model: Path, num_tokens: int, *, checkpointing: bool = False, precision: str = "float32") -> Activations:
    return trace(str(model), num_tokens, precision=precision, device="cpu", gradient_checkpointing=checkpointing)


def test_they_are_what_a_real_pass_keeps(tiny_model: Path) -> None:
    """Against the bytes of the tensors that autograd really saves, each storage once, weights left out."""
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_model, dtype=torch.float32, attn_implementation="sdpa")
    weights = {weight.untyped_storage().data_ptr() for weight in model.parameters()}
    saved: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            saved[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        hidden = model(input_ids=torch.arange(512)[None], use_cache=False).last_hidden_state
    assert hidden.requires_grad
    assert abs(traced(tiny_model, 512).held / sum(saved.values()) - 1) < 0.1


def test_they_grow_with_tokens_and_not_with_their_square(small_student: Path) -> None:
    """Attention keeps its inputs and outputs, no matrix of scores; twice the tokens are twice the bytes."""
    once, twice = traced(small_student, 512), traced(small_student, 1024)
    assert abs(twice.held / once.held - 2) < 0.01
    assert abs(twice.peak / once.peak - 2) < 0.1


def test_checkpointing_keeps_a_hidden_state_per_layer(small_student: Path) -> None:
    """30 layers' inputs of 576 floats, and in the backward pass one layer's own activations on top."""
    found = traced(small_student, 1024, checkpointing=True)
    per_layer = 1024 * 576 * 4
    assert 30 * per_layer <= found.held < 36 * per_layer
    assert found.held < found.peak < 0.3 * traced(small_student, 1024).peak


def test_half_the_precision_is_more_than_half_the_bytes(small_student: Path) -> None:
    """Norms are taken in float32 whatever the model's precision."""
    assert 0.5 < traced(small_student, 512, precision="bf16").held / traced(small_student, 512).held < 0.8
