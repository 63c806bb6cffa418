"""Block-diagonal causal attention over a row of packed examples.

Registered with transformers' ``AttentionInterface`` under its own name. No mask function
is registered under that name, so transformers builds no mask. The boundaries of the
examples are passed to ``forward`` under the names transformers uses for packed rows; they are
computed once per micro-batch, since computing them in each layer would synchronize the GPU each time.

On a GPU in 16-bit precision, one variable-length flash-attention kernel processes the row
(``torch.nn.attention.varlen``); elsewhere ``scaled_dot_product_attention`` runs per example.
Neither computes scores between examples.
"""

from typing import TYPE_CHECKING, Any

from z1ray.errors import UserError

if TYPE_CHECKING:
    import torch

NAME = "z1ray_packed"

_PACKABLE_LAYERS = {"full_attention", "sliding_attention"}

# What some models add to attention or to the head, and the value that means "not added".
_UNSUPPORTED = {
    "attention_dropout": 0.0,
    "attn_logit_softcapping": None,
    "final_logit_softcapping": None,
    "logit_scale": None,
    "logits_scaling": None,
}


def require_packable(model: str, config: Any) -> None:
    """Refuse a model whose outputs packing would change.

    Args:
        model: Folder or hub name of the model.
        config: The transformers configuration of the model.

    Raises:
        UserError: If a layer carries state along the row, and so from one example into the next,
            or if attention or head have a feature that is not implemented here.
    """
    layers = set(getattr(config, "layer_types", None) or _PACKABLE_LAYERS) - _PACKABLE_LAYERS
    extras = {name for name, neutral in _UNSUPPORTED.items() if getattr(config, name, neutral) not in (neutral, 1.0)}
    if getattr(config, "num_attention_heads", None) is None:
        layers.add("layers without attention")
    if found := sorted(layers | extras):
        raise UserError(
            "train.model",
            model,
            f"examples are packed into rows, which does not go with its {', '.join(found)}",
            "use a decoder with plain causal attention, such as Qwen2, Qwen3, Llama or Mistral",
        )


def install() -> str:
    """Register the attention with transformers; returns the ``attn_implementation`` to load a model with."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
    return NAME


def packed_attention(
    module: "torch.nn.Module",
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: None,
    *,
    scaling: float,
    cu_seq_lens_q: "torch.Tensor",
    max_length_q: int,
    sliding_window: int | None = None,
    **ignored: Any,
) -> tuple["torch.Tensor", None]:
    """Attention function with the signature of transformers' ``AttentionInterface``.

    Args:
        module: The layer; unused.
        query: [1, heads, tokens, head_dim].
        key: [1, kv_heads, tokens, head_dim].
        value: [1, kv_heads, tokens, head_dim].
        attention_mask: None; the boundaries replace it.
        scaling: Factor of the attention scores.
        cu_seq_lens_q: [examples + 1], int32, cumulative lengths of the examples.
        max_length_q: Number of tokens of the longest example.
        sliding_window: Number of tokens a token attends to, itself included; None for all previous ones.
        ignored: Arguments of other implementations.

    Returns:
        The attention output, [1, tokens, heads, head_dim], and None for the attention weights.
    """
    assert attention_mask is None
    assert query.shape[0] == 1, "one row per micro-batch"
    assert ignored.get("s_aux") is None, "attention sinks are not supported"
    window = sliding_window if sliding_window is not None and sliding_window < max_length_q else None
    if query.is_cuda and query.element_size() == 2:
        return _flash(query, key, value, scaling, cu_seq_lens_q, max_length_q, window), None
    return _one_by_one(query, key, value, scaling, cu_seq_lens_q.diff().tolist(), window), None


def _flash(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    scaling: float,
    boundaries: "torch.Tensor",
    longest: int,
    window: int | None,
) -> "torch.Tensor":
    import torch
    from torch.nn.attention.varlen import varlen_attn

    attended = varlen_attn(
        query[0].transpose(0, 1),
        key[0].transpose(0, 1),
        value[0].transpose(0, 1),
        boundaries,
        boundaries,
        longest,
        longest,
        scale=scaling,
        window_size=(-1 if window is None else window - 1, 0),
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(attended, torch.Tensor)
    return attended[None]


def _one_by_one(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    scaling: float,
    lengths: list[int],
    window: int | None,
) -> "torch.Tensor":
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    attended = []
    segments = [whole.split(lengths, dim=2) for whole in (query, key, value)]  # type: ignore[no-untyped-call]
    for queries, keys, values in zip(*segments, strict=True):
        mask = None if window is None else _window_mask(queries.shape[2], window, query.device)
        attended.append(
            scaled_dot_product_attention(
                queries,
                keys,
                values,
                attn_mask=mask,
                is_causal=mask is None,
                scale=scaling,
                enable_gqa=query.shape[1] != key.shape[1],
            )
        )
    return torch.cat(attended, dim=2).transpose(1, 2).contiguous()


def _window_mask(length: int, window: int, device: "torch.device") -> "torch.Tensor":
    """[length, length], True where the token of the row attends to that of the column."""
    import torch

    seen = torch.ones(length, length, dtype=torch.bool, device=device).tril()
    return seen.triu(1 - window)
