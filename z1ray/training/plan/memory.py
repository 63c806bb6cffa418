"""Bytes per GPU of a training run under ZeRO-3, before anything is launched.

Worked out per moment of a step, since not everything is there at the same time:

- **loss**: all activations lie there, the loss has made the head's gradient and still
  holds a chunk of logits;
- **backward**: activations and the backward pass's temporaries, the head's gradient;
- **embedding**: the activations are gone; gradients of head and embedding meet;
- **optimizer step**: nothing of the passes is left, but each gradient lies there once
  more, and on CPU AdamW's temporaries.

All of them come on top of what never goes: a share of parameters, master weights,
Adam's two moments and accumulated gradients, and the bucket in which gradients are
reduced. Source: ZeRO (arXiv 1910.02054) and what DeepSpeed 0.19 allocates
(``runtime/zero/stage3.py``, ``partitioned_param_coordinator.py``).

Pure: sizes in, bytes out.
"""

from dataclasses import dataclass

from z1ray.training.config import TrainConfig
from z1ray.training.plan.activations import Activations
from z1ray.training.plan.shape import ModelShape

REUSE_DISTANCE = 1_000_000_000
"""DeepSpeed keeps a gathered parameter that is used again within so many elements (its default)."""

PREFETCH = 50_000_000
"""Elements DeepSpeed gathers ahead (its default)."""

OVERHEAD = 3 << 29
"""Bytes of a GPU that are no tensors: CUDA's context, NCCL's buffers, cuBLAS's workspaces; 1.5 GiB."""

FRAGMENTATION = 0.05
"""Share of tensor bytes that torch's caching allocator cannot use."""

_FLOAT32 = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Bytes of one worker.

    Attributes:
        parameters: Its share, in the training precision, and those too small to be worth partitioning.
        gradients: Its share, accumulated in float32.
        optimizer: Its share of master weights and Adam's two moments, float32.
        bucket: Where gradients are gathered for reduction.
        gathered: Whole parameters in use, kept for reuse or fetched ahead.
        activations: Of a full micro-batch.
        head_gradient: The LM head's gradient, which lies there from the loss to the end of the backward pass.
        logits: Of the loss's chunk, with its temporaries.
        moments: Tensor bytes at each moment named above.
        host: In the memory of the worker's node, for offloading.
        overhead: What is no tensor, and what the allocator cannot use at the peak.
    """

    parameters: int
    gradients: int
    optimizer: int
    bucket: int
    gathered: int
    activations: int
    head_gradient: int
    logits: int
    moments: dict[str, int]
    host: int
    overhead: int

    @property
    def peak_moment(self) -> str:
        """When the most is needed."""
        return max(self.moments, key=lambda name: self.moments[name])

    @property
    def peak(self) -> int:
        """The most tensor bytes at any time; what ``torch.cuda.max_memory_allocated`` tells."""
        return self.moments[self.peak_moment]

    @property
    def needed(self) -> int:
        """What the GPU must have."""
        return self.peak + self.overhead


def make_plan(
    shape: ModelShape, activations: Activations, config: TrainConfig, *, bucket_elements: int, chunk_tokens: int
) -> Plan:
    """The bytes of one worker.

    Args:
        shape: The model's sizes.
        activations: Of a row of ``config``'s full length.
        config: The run.
        bucket_elements: Gradients reduced at a time.
        chunk_tokens: Positions whose logits exist at a time on CPU.
    """
    on_gpu, width = config.device == "gpu", 2 if config.precision == "bf16" else _FLOAT32
    share = -(-shape.num_params // config.num_workers)
    resident, host = _resident(shape, config, share, width)
    bucket = _FLOAT32 * bucket_elements
    base = sum(resident) + bucket
    gathered = width * _num_gathered(shape, config)
    head, logits = _loss(shape, config, width, chunk_tokens)
    held_head = width * shape.num_head
    moments = {
        "loss": base + gathered + activations.held + head + logits,
        "backward": base + gathered + activations.peak + held_head,
        "embedding": base + _embedding(shape, width, bucket_elements),
        "optimizer step": base + (0 if config.memory.offload else share * _FLOAT32 * (1 if on_gpu else 3)),
    }
    peak = max(moments.values())
    return Plan(
        parameters=resident[0],
        gradients=resident[1],
        optimizer=resident[2],
        bucket=bucket,
        gathered=gathered,
        activations=activations.peak,
        head_gradient=head,
        logits=logits,
        moments=moments,
        host=host,
        overhead=OVERHEAD + int(FRAGMENTATION * peak) if on_gpu else 0,
    )


def _resident(shape: ModelShape, config: TrainConfig, share: int, width: int) -> tuple[tuple[int, int, int], int]:
    """Parameters, gradients and optimizer states of a worker; and its bytes in the node's own memory."""
    persistent = width * shape.num_persistent if config.num_workers > 1 or config.memory.offload else 0
    states = (width * share, _FLOAT32 * share, 3 * _FLOAT32 * share)
    if not config.memory.offload:
        return (states[0] + persistent, states[1], states[2]), 0
    # Gradients lie there twice: accumulated, and as the optimizer's own.
    return (persistent, 0, 0), sum(states) + states[1]


def _num_gathered(shape: ModelShape, config: TrainConfig) -> int:
    """Elements of whole parameters at the turn from forward to backward pass."""
    if config.num_workers == 1 and not config.memory.offload:
        return 0  # The share is the whole.
    # A layer is used forward, backward, and in between once more if recomputed.
    kept = min(shape.num_params, REUSE_DISTANCE // (3 if config.memory.gradient_checkpointing else 2))
    # What is fetched ahead lies there twice for a moment: as it arrives, and put together.
    return kept + 2 * min(PREFETCH, shape.num_params - kept)


def _loss(shape: ModelShape, config: TrainConfig, width: int, chunk_tokens: int) -> tuple[int, int]:
    """The head's gradient while it is made, and the logits of a chunk."""
    tokens = config.batch.row_tokens
    if config.device == "cpu":
        own = _FLOAT32 * shape.num_head + (width * shape.num_head if width != _FLOAT32 else 0)
        return own, 2 * _FLOAT32 * min(chunk_tokens, tokens) * shape.vocabulary
    # Liger takes chunks whose logits are about as large as the hidden states, and adds each
    # chunk's gradient of the head, in the training precision and widened, to a float32 sum.
    chunks = -(-shape.vocabulary // shape.hidden)
    chunk = 1 << (-(-tokens // chunks) - 1).bit_length()
    return (2 * _FLOAT32 + width) * shape.num_head, (width + _FLOAT32) * min(chunk, tokens) * shape.vocabulary


def _embedding(shape: ModelShape, width: int, bucket_elements: int) -> int:
    """The end of the backward pass: the embedding's gradient, with the head's if tied, and its reduction."""
    gradients = width * shape.num_embedding * (2 if shape.tied else 1)
    weights = width * shape.num_embedding
    alone = shape.num_embedding > bucket_elements
    # One that fills no bucket is widened on its own; others are put together from their bucket.
    reduction = (_FLOAT32 * shape.num_embedding if width != _FLOAT32 else 0) if alone else _FLOAT32 * bucket_elements
    return gradients + weights + reduction
