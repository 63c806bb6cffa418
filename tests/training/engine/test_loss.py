"""The loss is the mean over a step's trained tokens, however they are spread."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from tests.training.conftest import random_lm
from z1ray.errors import UserError
from z1ray.training.data.batches import micro_batch
from z1ray.training.data.tokenize import IGNORE_INDEX, TokenizedExample
from z1ray.training.engine import loss

VOCABULARY = 211
# Unequal lengths and unequal numbers of trained tokens: a mean of means would differ.
EXAMPLES = [
    TokenizedExample(str(length), [(31 * length + 7 * place) % VOCABULARY for place in range(length)], prompt)
    for length, prompt in [(24, 4), (20, 17), (9, 2), (5, 4), (40, 11), (13, 12), (2, 1), (30, 6)]
]
NUM_TRAINED = sum(len(example.input_ids) - example.num_prompt_tokens for example in EXAMPLES)

Gradients = dict[str, torch.Tensor]


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def one_by_one(family: str) -> tuple[float, Gradients]:
    """Mean loss and gradients by transformers' own attention and torch's own cross-entropy, nothing of ours."""
    model = random_lm(family, packed=False)
    total = torch.zeros(())
    for example in EXAMPLES:
        logits = model(torch.tensor([example.input_ids])).logits[0, example.num_prompt_tokens - 1 : -1]
        wanted = torch.tensor(example.input_ids[example.num_prompt_tokens :])
        total = total + F.cross_entropy(logits, wanted, reduction="sum") / NUM_TRAINED
    total.backward()
    return total.item(), {name: weight.grad for name, weight in model.named_parameters()}


def in_rows(family: str, rows: list[list[TokenizedExample]], num_workers: int = 1) -> tuple[float, Gradients]:
    """Mean loss and gradients accumulated over packed rows."""
    model = random_lm(family, packed=True)
    total = 0.0
    for row in rows:
        share = loss.step_share(model(**micro_batch(row).inputs("cpu")), NUM_TRAINED, num_workers)
        share.backward()
        total += share.item()
    return total, {name: weight.grad for name, weight in model.named_parameters()}


def assert_same(found: tuple[float, Gradients], expected: tuple[float, Gradients]) -> None:
    assert found[0] == pytest.approx(expected[0], abs=1e-5)
    assert found[1].keys() == expected[1].keys()
    for name, gradient in expected[1].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=1e-5, atol=1e-5)


def test_packed_equals_one_example_at_a_time(family: str) -> None:
    """The paper's loss and gradients, whatever shares a row."""
    assert_same(in_rows(family, [EXAMPLES]), one_by_one(family))


def test_one_and_eight_accumulation_steps_give_the_same_gradients(family: str) -> None:
    """The known bug of the field (transformers#45305): with means of means the batch's split decides."""
    assert_same(in_rows(family, [[example] for example in EXAMPLES]), in_rows(family, [EXAMPLES]))


def test_averaging_over_workers_is_undone(family: str) -> None:
    """DeepSpeed averages gradients over workers: their mean has to be the whole batch's gradient."""
    first, second = in_rows(family, [EXAMPLES[:3], EXAMPLES[3:5]], 2), in_rows(family, [EXAMPLES[5:], []], 2)
    mean = {name: (first[1][name] + second[1][name]) / 2 for name in first[1]}
    assert_same(((first[0] + second[0]) / 2, mean), in_rows(family, [EXAMPLES]))


def test_nothing_to_train_gives_zero_loss_and_zero_gradients(family: str) -> None:
    """A worker whose examples ran out must add nothing, and not NaN; every weight still gets a gradient."""
    total, gradients = in_rows(family, [[]])
    assert total == 0.0
    assert all(not gradient.any() for gradient in gradients.values())


@pytest.mark.parametrize("num_positions", [1, 8, 29])
def test_chunks_give_the_full_cross_entropy_and_its_gradient(
    num_positions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One chunk, a chunk exactly, a last chunk that is shorter; some positions not trained."""
    monkeypatch.setattr(loss, "CHUNK_TOKENS", 8)
    draw = torch.Generator().manual_seed(0)
    hidden = torch.randn(num_positions, 16, generator=draw)
    weight = torch.randn(VOCABULARY, 16, generator=draw)
    targets = torch.randint(VOCABULARY, (num_positions,), generator=draw)
    targets[1::5] = IGNORE_INDEX
    results = []
    for compute in (loss.linear_cross_entropy_sum, full_cross_entropy_sum):
        inputs = hidden.clone().requires_grad_(), weight.clone().requires_grad_()
        total = compute(*inputs, targets)
        (0.3 * total).backward()
        results.append([total, *(each.grad for each in inputs)])
    for found, expected in zip(*results, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def full_cross_entropy_sum(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return F.cross_entropy(hidden @ weight.T, targets, reduction="sum")


class LargestLogits(TorchDispatchMode):
    """Watches every tensor that any operation makes, backward included."""

    num_rows = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(each, torch.Tensor) and each.dim() > 1 and each.shape[-1] == VOCABULARY:
                # The head itself, turned over.
                self.num_rows = max(self.num_rows, 0 if each.shape[0] == 48 else each.numel() // VOCABULARY)
        return made


@pytest.mark.parametrize("chunk", [8, 64])
def test_logits_of_more_than_a_chunk_never_exist(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """16,384 tokens with a vocabulary of 152,000 would be 10 GB; only what is trained, a chunk at a time, is made."""
    monkeypatch.setattr(loss, "CHUNK_TOKENS", chunk)
    model = random_lm("qwen2", packed=True)
    with LargestLogits() as watched:
        model(**micro_batch(EXAMPLES).inputs("cpu")).backward()
    assert watched.num_rows == chunk


def test_the_sum_is_taken_in_float32() -> None:
    """bfloat16 has 8 bits: summed in it, a long batch's loss stops growing."""
    hidden, weight = torch.zeros(3000, 4, dtype=torch.bfloat16), torch.zeros(16, 4, dtype=torch.bfloat16)
    total = loss.linear_cross_entropy_sum(hidden, weight, torch.ones(3000, dtype=torch.long))
    assert total.dtype == torch.float32
    assert total.item() == pytest.approx(3000 * torch.log(torch.tensor(16.0)).item(), rel=1e-5)


def test_the_heads_gradient_is_summed_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many chunks add up to one gradient of the head: summed in bfloat16, each further chunk would be rounded away."""
    monkeypatch.setattr(loss, "CHUNK_TOKENS", 1)
    # bfloat16 holds whole numbers up to 256: a sum of ones in it would stop there.
    hidden = torch.ones(1000, 4, dtype=torch.bfloat16)
    weight = torch.zeros(16, 4, dtype=torch.bfloat16, requires_grad=True)
    loss.linear_cross_entropy_sum(hidden, weight, torch.ones(1000, dtype=torch.long)).backward()
    assert weight.grad is not None
    # Every position adds the same: probability 1/16, less 1 for the target.
    expected = torch.full((16, 4), 1000 / 16)
    expected[1] -= 1000
    torch.testing.assert_close(weight.grad.float(), expected, rtol=1e-2, atol=0)


def test_a_head_with_a_bias_is_refused() -> None:
    """Its bias would be neither used nor trained, without an error."""
    model = random_lm("llama", packed=False)
    model.set_output_embeddings(torch.nn.Linear(48, VOCABULARY))
    with pytest.raises(UserError, match="has a bias"):
        loss.train_on_packed_rows(model)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_ligers_kernel_computes_the_same() -> None:
    """Sum of losses and both gradients against ours; a row of nothing gives zeros there too."""
    draw = torch.Generator().manual_seed(0)
    hidden, weight = torch.randn(300, 64, generator=draw), torch.randn(1000, 64, generator=draw) / 8
    for targets in (torch.randint(1000, (300,), generator=draw), torch.full((300,), IGNORE_INDEX)):
        results = []
        for device in ("cpu", "cuda"):
            head = loss.LossHead(torch.nn.Parameter(weight.to(device)))
            inputs = hidden.to(device).requires_grad_()
            total = head(inputs, targets.to(device))
            total.backward()
            results.append([total, inputs.grad, head.weight.grad])
        for found, expected in zip(*results, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3, check_device=False)
