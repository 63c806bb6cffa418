"""The loss: mean cross-entropy over the trained tokens of a whole optimizer step.

A step's tokens are spread over workers and micro-batches of unequal size, so a
mean of means would weigh tokens by their company. Each micro-batch instead
contributes its *sum*, divided by the token count of the entire step.

DeepSpeed averages gradients over the workers, which ``step_share`` undoes, and
by default divides by the accumulation steps, which the loop turns off with
``backward(..., scale_wrt_gas=False)``. Known trouble without this:
transformers#45305, accelerate#3877.
"""

import torch
import torch.nn.functional as F

from z1ray.training.tokenize import IGNORED


def cross_entropy_sum(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Sum of the next-token cross-entropies of the trained tokens, in float32.

    Args:
        logits: [rows, tokens, vocabulary], of any floating type.
        labels: [rows, tokens], not shifted; ``IGNORED`` where not trained.

    Returns:
        A scalar that carries gradient; 0, with gradients of 0, if nothing is trained.
    """
    targets = labels[:, 1:]
    trained = targets != IGNORED
    # Only trained positions are widened to float32.
    return F.cross_entropy(logits[:, :-1][trained].float(), targets[trained], reduction="sum")


def step_share(total: torch.Tensor, num_step_tokens: int, num_workers: int) -> torch.Tensor:
    """A micro-batch's share of the step's loss, made ready for gradients averaged over workers.

    Args:
        total: The micro-batch's ``cross_entropy_sum``.
        num_step_tokens: Trained tokens of the whole step, over all workers.
        num_workers: Workers whose gradients are averaged.
    """
    return total * (num_workers / num_step_tokens)
