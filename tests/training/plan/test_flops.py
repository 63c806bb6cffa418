"""The arithmetic of a step is what torch itself counts, less what the method does not need."""

from pathlib import Path

import pytest
import torch

from z1ray.training.plan.flops import mfu, step_flops
from z1ray.training.plan.shape import read_shape


def test_it_is_what_torch_counts(tiny_model: Path) -> None:
    """Every matrix product of a real forward and backward pass, attention's causal half taken out.

    torch counts attention in full and the head at every token, which is what the
    terms of the test put back.
    """
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import AutoModelForCausalLM

    length = 256
    model = AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32, attn_implementation="eager")
    counter = FlopCounterMode(display=False)
    with counter:
        model(input_ids=torch.arange(length)[None]).logits.sum().backward()
    shape = read_shape(str(tiny_model))
    causal_half = 6.0 * shape.num_layers * shape.attention_width * length**2
    assert step_flops(shape, [length], length) + causal_half == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_examples_do_not_pay_for_each_other(tiny_model: Path) -> None:
    """Packing puts examples side by side and takes no attention between them; nor does the count."""
    shape = read_shape(str(tiny_model))
    apart = 2 * step_flops(shape, [100], 40)
    assert step_flops(shape, [100, 100], 80) == apart
    assert step_flops(shape, [200], 80) > apart


def test_utilisation_is_of_all_gpus() -> None:
    """Eight GPUs at half their peak are at half, not at four."""
    assert mfu(4e15, seconds=1.0, num_gpus=8, peak_flops=1e15) == 0.5
