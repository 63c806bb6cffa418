"""Packed attention: what an example computes does not depend on its company."""

from itertools import pairwise
from typing import Any

import pytest
import torch
from transformers import AutoConfig

from tests.training.conftest import random_lm
from z1ray.errors import UserError
from z1ray.training.data.batches import micro_batch
from z1ray.training.data.tokenize import TokenizedExample
from z1ray.training.engine import attention

LENGTHS = [17, 1, 9, 33, 5]
SLIDING = {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 1}


def examples(seed: int = 0) -> list[TokenizedExample]:
    draw = torch.Generator().manual_seed(seed)
    return [
        TokenizedExample(str(length), torch.randint(211, (length,), generator=draw).tolist(), 1) for length in LENGTHS
    ]


def hidden_states(model: Any, row: list[TokenizedExample]) -> list[torch.Tensor]:
    """The last layer's output, by example."""
    batch = micro_batch(row)
    inputs = batch.inputs("cpu")
    del inputs["trained"], inputs["targets"]
    hidden = model.base_model(**inputs, use_cache=False).last_hidden_state[0]
    return [hidden[start:end] for start, end in pairwise(batch.boundaries.tolist())]


@pytest.mark.parametrize(("family", "settings"), [("llama", {}), ("qwen2", {}), ("qwen2", SLIDING)])
def test_a_row_computes_what_transformers_computes_of_each_example_alone(family: str, settings: dict[str, Any]) -> None:
    """Any leak over a boundary, a wrong position, scale, group of keys or window would show."""
    packed, plain = random_lm(family, packed=True, **settings), random_lm(family, packed=False, **settings)
    found = hidden_states(packed, examples())
    for states, example in zip(found, examples(), strict=True):
        alone = plain.base_model(torch.tensor([example.input_ids]), use_cache=False).last_hidden_state[0]
        torch.testing.assert_close(states, alone, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", ["llama", "qwen2"])
@pytest.mark.parametrize("changed", range(len(LENGTHS)))
def test_another_example_in_a_row_changes_nothing_in_the_others(family: str, changed: int) -> None:
    """Bit for bit, neighbours before and behind; the changed one itself does change."""
    model = random_lm(family, packed=True)
    row, other = examples(), examples(seed=1)
    before = hidden_states(model, row)
    after = hidden_states(model, [*row[:changed], other[changed], *row[changed + 1 :]])
    assert [torch.equal(*pair) for pair in zip(before, after, strict=True)] == [
        number != changed for number in range(len(LENGTHS))
    ]


def test_no_mask_is_built() -> None:
    """The mask of transformers itself for a row of 16,384 tokens would be 268 MB, for every micro-batch."""
    seen: list[Any] = []
    model = random_lm("qwen2", packed=True)
    for layer in model.base_model.layers:
        layer.self_attn.register_forward_pre_hook(
            lambda module, args, kwargs: seen.append(kwargs["attention_mask"]), with_kwargs=True
        )
    hidden_states(model, examples())
    assert seen == [None, None]


@pytest.mark.parametrize(
    ("kind", "settings", "reason"),
    [
        ("qwen3_next", {}, "linear_attention"),
        ("gemma2", {}, "attn_logit_softcapping, final_logit_softcapping"),
        ("cohere", {}, "logit_scale"),
        ("granite", {"logits_scaling": 8.0}, "logits_scaling"),
        ("mamba", {}, "layers without attention"),
        ("llama", {"attention_dropout": 0.1}, "attention_dropout"),
    ],
)
def test_models_that_packing_would_change_are_refused(kind: str, settings: dict[str, Any], reason: str) -> None:
    """They would train without an error, each example on its neighbours' state or under another head."""
    with pytest.raises(UserError, match=reason) as caught:
        attention.require_packable("some-model", AutoConfig.for_model(kind, **settings))
    assert caught.value.field == "train.model"


@pytest.mark.parametrize("kind", ["qwen2", "qwen3", "llama", "mistral", "smollm3", "granite"])
def test_plain_decoders_are_taken(kind: str) -> None:
    """The families people fine-tune; a check too strict would turn them away."""
    attention.require_packable("some-model", AutoConfig.for_model(kind))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("window", [None, 6])
def test_the_flash_kernel_computes_the_same(window: int | None) -> None:
    """Forward and backward in bf16 against float32, one example at a time."""
    draw = torch.Generator("cuda").manual_seed(0)
    shapes = [(1, heads, sum(LENGTHS), 64) for heads in (6, 2, 2)]
    exact = [torch.randn(shape, device="cuda", generator=draw, requires_grad=True) for shape in shapes]
    rounded = [each.detach().bfloat16().requires_grad_() for each in exact]
    boundaries = torch.tensor([0, *LENGTHS], dtype=torch.int32, device="cuda").cumsum(0, dtype=torch.int32)
    upstream = torch.randn(1, sum(LENGTHS), 6, 64, device="cuda", generator=draw)
    outputs = []
    for query, key, value in (exact, rounded):
        attended, _ = attention.packed_attention(
            torch.nn.Identity(),
            query,
            key,
            value,
            None,
            scaling=0.125,
            cu_seq_lens_q=boundaries,
            max_length_q=max(LENGTHS),
            sliding_window=window,
        )
        attended.backward(upstream.to(attended.dtype))
        outputs.append([attended, query.grad, key.grad, value.grad])
    for found, expected in zip(outputs[1], outputs[0], strict=True):
        torch.testing.assert_close(found, expected, rtol=0.03, atol=0.03, check_dtype=False)
