"""What a micro-batch's activations take, traced through the model's own code without computing anything.

The decoder is built from its configuration, two and three layers deep, and taken
through a forward and a backward pass of torch's *fake* tensors: every allocation is
counted, none is made. Layers are alike, so the difference tells the rest. Weights
and their gradients are left out: they are ZeRO's.
"""

import copy
import functools
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from z1ray.upstream.torch import bytes_by_kind, fake_tensors, memory_tracker

if TYPE_CHECKING:
    import torch

_DEPTHS = (2, 3)
_ATTENTION = "z1ray_traced"


@dataclass(frozen=True, slots=True)
class Activations:
    """Bytes of one micro-batch, from token ids to the last hidden state.

    Attributes:
        held: After the forward pass, for the backward pass.
        peak: The most at any time of the backward pass, its temporaries included.
    """

    held: int
    peak: int


@functools.cache
def trace(model: str, num_tokens: int, *, precision: str, device: str, gradient_checkpointing: bool) -> Activations:
    """Activations of a row of ``num_tokens`` tokens.

    Args:
        model: A folder or a hub name; only its ``config.json`` is read.
        num_tokens: Tokens of the row.
        precision: ``bf16`` or ``float32``.
        device: ``gpu`` or ``cpu``, whose attention kernels keep different things.
        gradient_checkpointing: Only each layer's input is kept, and the layer computed again.
    """
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(model)
    traced = [
        _trace(_at_depth(config, depth), num_tokens, precision, device, gradient_checkpointing) for depth in _DEPTHS
    ]
    more = config.get_text_config().num_hidden_layers - _DEPTHS[0]
    held, peak = ([getattr(each, name) for each in traced] for name in ("held", "peak"))
    return Activations(held[0] + more * (held[1] - held[0]), peak[0] + more * (peak[1] - peak[0]))


def _at_depth(config: Any, num_layers: int) -> Any:
    config = copy.deepcopy(config)
    text = config.get_text_config()
    text.num_hidden_layers = num_layers
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:num_layers]
    return config


def _trace(config: Any, num_tokens: int, precision: str, device: str, gradient_checkpointing: bool) -> Activations:
    import torch
    from transformers import AutoModel

    _install(contiguous=device == "cpu")
    with fake_tensors():
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        model: Any = AutoModel.from_config(  # type: ignore[no-untyped-call]
            config, dtype=dtype, attn_implementation=_ATTENTION
        )
        if gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
        model.train()
        for weight in model.parameters():
            # As ZeRO does: into its own bucket at once.
            weight.register_post_accumulate_grad_hook(_drop_gradient)
        positions = torch.arange(num_tokens)[None]
        tracker = memory_tracker()
        tracker.track_external(model)
        with warnings.catch_warnings(action="ignore"), tracker:
            # In place of the embedding, whose gradient would hide the layers' peak.
            embedded = torch.empty(1, num_tokens, config.get_text_config().hidden_size, dtype=dtype).requires_grad_()
            hidden = model(inputs_embeds=embedded, position_ids=positions, use_cache=False).last_hidden_state
            held = _activation_bytes(tracker, "current")
            hidden.backward(torch.empty_like(hidden))
        return Activations(held, _activation_bytes(tracker, "peak"))


def _drop_gradient(weight: "torch.Tensor") -> None:
    weight.grad = None


def _activation_bytes(tracker: Any, moment: str) -> int:
    """All that is not the model: activations, their gradients and temporaries."""
    sizes = bytes_by_kind(tracker, moment)
    return sizes["Total"] - sizes["Parameter"] - sizes["Buffer"]


def _install(*, contiguous: bool) -> None:
    """Make known to transformers an attention that keeps what the packed one keeps and computes nothing."""
    from transformers import AttentionInterface

    flash = _flash()

    def attend(module: Any, query: Any, key: Any, value: Any, mask: None, **ignored: Any) -> tuple[Any, None]:
        attended = flash.apply(query, key, value)
        # On CPU the examples' results are laid together and turned, which makes a copy.
        return (attended.transpose(1, 2).contiguous() if contiguous else attended.transpose(1, 2)), None

    AttentionInterface.register(_ATTENTION, attend)


def _flash() -> Any:
    import torch

    class Flash(torch.autograd.Function):
        """What a flash kernel keeps: its inputs, its output and a float32 per head and token."""

        @staticmethod
        def forward(ctx: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
            attended = torch.empty_like(query)
            log_sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
            ctx.save_for_backward(query, key, value, attended, log_sums)
            return attended

        @staticmethod
        def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, ...]:  # type: ignore[override]
            query, key, value, *_ = ctx.saved_tensors
            return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)

    return Flash
