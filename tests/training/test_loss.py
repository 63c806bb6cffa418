"""The loss is the mean over a step's trained tokens, however they are spread."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from transformers import AutoModelForCausalLM

from z1ray.training.batches import collate
from z1ray.training.loss import cross_entropy_sum, step_share
from z1ray.training.tokenize import TokenizedExample

# Unequal lengths and unequal numbers of trained tokens: a mean of means would differ.
EXAMPLES = [
    TokenizedExample(str(length), [(31 * length + 7 * place) % 4000 for place in range(length)], prompt)
    for length, prompt in [(24, 4), (20, 17), (9, 2), (5, 4)]
]
NUM_TOKENS = sum(len(example.input_ids) - example.num_prompt_tokens for example in EXAMPLES)


@pytest.fixture(scope="module")
def model(tiny_model: Path) -> Any:
    return AutoModelForCausalLM.from_pretrained(tiny_model, dtype=torch.float32)


def gradients(model: Any, micro_batches: list[list[TokenizedExample]], num_workers: int = 1) -> dict[str, torch.Tensor]:
    """Gradients accumulated over micro-batches."""
    model.zero_grad()
    for micro in micro_batches:
        input_ids, labels = collate(micro)
        total = cross_entropy_sum(model(input_ids=input_ids).logits, labels)
        step_share(total, NUM_TOKENS, num_workers).backward()  # type: ignore[no-untyped-call]
    return {name: weight.grad.clone() for name, weight in model.named_parameters()}


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    for name, gradient in expected.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-7)


def test_one_and_four_accumulation_steps_give_the_same_gradients(model: Any) -> None:
    """The known bug of the field (transformers#45305): with means of means the batch's split decides.

    One padded pass against four unpadded ones also shows that padding is seen by no real token.
    """
    assert_same(gradients(model, [[example] for example in EXAMPLES]), gradients(model, [EXAMPLES]))


def test_averaging_over_workers_is_undone(model: Any) -> None:
    """DeepSpeed averages gradients over workers: their mean has to be the whole batch's gradient."""
    first = gradients(model, [[EXAMPLES[0]], [EXAMPLES[3]]], num_workers=2)
    second = gradients(model, [[EXAMPLES[1], EXAMPLES[2]], []], num_workers=2)
    mean = {name: (first[name] + second[name]) / 2 for name in first}
    assert_same(mean, gradients(model, [EXAMPLES]))


def test_it_is_torchs_own_mean_over_trained_tokens(model: Any) -> None:
    """Checked against the plain definition, so that both halves cannot be wrong alike."""
    input_ids, labels = collate(EXAMPLES)
    logits = model(input_ids=input_ids).logits
    expected = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)
    torch.testing.assert_close(step_share(cross_entropy_sum(logits, labels), NUM_TOKENS, 1), expected)


def test_nothing_to_train_gives_zero_loss_and_zero_gradients(model: Any) -> None:
    """A worker whose examples ran out must add nothing, and not NaN."""
    input_ids, labels = collate([])
    total = cross_entropy_sum(model(input_ids=input_ids).logits, labels)
    assert total.item() == 0.0
    assert all(not gradient.any() for gradient in gradients(model, [[]]).values())


def test_the_sum_is_taken_in_float32(model: Any) -> None:
    """bfloat16 has 8 bits: summed in it, a long batch's loss stops growing."""
    logits = torch.zeros(1, 3001, 16, dtype=torch.bfloat16)
    total = cross_entropy_sum(logits, torch.ones(1, 3001, dtype=torch.long))
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(3000 * torch.log(torch.tensor(16.0)).item(), rel=1e-5)
