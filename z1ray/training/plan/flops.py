"""The arithmetic a training step needs, and what share of the hardware's peak that is (MFU).

Counted is what the method needs, not what an implementation happens to do: a
recomputed activation or a padded place earns nothing.

- A weight that a token is multiplied with costs 2 operations forward and 4
  backward, so 6 per parameter and token. The embedding is a look-up. The LM head
  counts at trained tokens only, since no other token needs logits.
- Attention: scores and weighted values are 2 x 2 operations per pair of tokens and
  unit of width, half of the pairs under a causal mask, three times that with the
  backward pass: ``6 x layers x width x length^2`` for an example, which never sees
  another.

Source: model FLOPs utilisation as in PaLM (arXiv 2204.02311, appendix B), whose
attention term leaves out the causal half.
"""

from collections.abc import Iterable

from z1ray.training.plan.shape import ModelShape


def step_flops(shape: ModelShape, lengths: Iterable[int], num_trained: int) -> float:
    """Floating-point operations of one optimizer step, over all workers.

    Args:
        shape: The model.
        lengths: Tokens of each example of the step.
        num_trained: Trained tokens of the step.
    """
    lengths = list(lengths)
    weights = 6.0 * (shape.num_body * sum(lengths) + shape.num_head * num_trained)
    attention = 6.0 * shape.num_layers * shape.attention_width * sum(length**2 for length in lengths)
    return weights + attention


def mfu(flops: float, seconds: float, num_gpus: int, peak_flops: float) -> float:
    """Model FLOPs utilisation: the share of all GPUs' peak that went into ``flops`` of needed arithmetic."""
    return flops / (seconds * num_gpus * peak_flops)
