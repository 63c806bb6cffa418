"""The loss: mean cross-entropy over the trained tokens of a whole optimizer step.

A step's tokens are spread over workers and micro-batches of unequal size, so a
mean of means would weigh tokens by their company. Each micro-batch instead
contributes its *sum*, divided by the token count of the entire step.

DeepSpeed averages gradients over the workers, which ``step_share`` undoes, and
by default divides by the accumulation steps, which the loop turns off with
``backward(..., scale_wrt_gas=False)``. Known trouble without this:
transformers#45305, accelerate#3877.

Only trained positions meet the language model's head, a chunk at a time, and each
chunk's logits become its part of the gradient at once, while they are at hand: logits
of more than a chunk never exist, and none are computed twice. The model's head itself
does this, in one call of its ``forward``, so that ZeRO-3 gathers its weight once. On a
GPU it is Liger's fused kernel, which works in the same way.
"""

from types import MethodType
from typing import Any

import torch

from z1ray.errors import UserError
from z1ray.training.data.tokenize import IGNORED

CHUNK_TOKENS = 256
"""Positions whose logits exist at a time: 150 MB in float32 for a vocabulary of 152,000."""


def train_on_packed_rows(model: Any) -> None:
    """Make a causal language model of transformers return the sum of a micro-batch's losses.

    Its ``forward`` then takes ``MicroBatch.inputs``. Names and tying of its weights stay.

    Raises:
        UserError: If its head is more than one matrix.
    """
    head = model.get_output_embeddings()
    if head is None or getattr(head, "bias", None) is not None:
        raise UserError(
            "train.model",
            model.config.name_or_path,
            "its head is no single matrix, or has a bias",
            "use a causal language model with a plain head, such as Qwen2 or Llama",
        )
    model.set_output_embeddings(LossHead(head.weight))
    model.forward = MethodType(_sum_of_losses, model)


def _sum_of_losses(model: Any, *, trained: torch.Tensor, targets: torch.Tensor, **inputs: Any) -> torch.Tensor:
    hidden = model.base_model(**inputs, use_cache=False).last_hidden_state
    total: torch.Tensor = model.get_output_embeddings()(hidden[0].index_select(0, trained), targets)
    return total


class LossHead(torch.nn.Module):
    """The language model's head, straight to the loss.

    Args:
        weight: [vocabulary, hidden]; may be the embedding's own.
    """

    def __init__(self, weight: torch.nn.Parameter) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Sum of the cross-entropies, in float32.

        Args:
            hidden: [positions, hidden].
            targets: [positions], the token to predict; ``IGNORED`` adds nothing.
        """
        if not hidden.is_cuda:
            return linear_cross_entropy_sum(hidden, self.weight, targets)
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        fused = LigerFusedLinearCrossEntropyLoss(ignore_index=IGNORED, reduction="sum", accum_dtype=torch.float32)
        total: torch.Tensor = fused(self.weight, hidden, targets)
        return total


def linear_cross_entropy_sum(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Sum of the cross-entropies of ``hidden @ weight.T``, never holding more than a chunk of it.

    Args:
        hidden: [positions, hidden].
        weight: [vocabulary, hidden].
        targets: [positions]; ``IGNORED`` adds nothing.

    Returns:
        A float32 scalar that carries gradient.
    """
    total: torch.Tensor = _LinearCrossEntropySum.apply(hidden, weight, targets)  # type: ignore[no-untyped-call]
    return total


class _LinearCrossEntropySum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight, dtype=torch.float32)
        for start in range(0, len(targets), CHUNK_TOKENS):
            chunk = slice(start, start + CHUNK_TOKENS)
            loss, gradient = _loss_and_gradient((hidden[chunk] @ weight.T).float(), targets[chunk])
            total += loss
            hidden_gradient[chunk] = gradient.to(weight.dtype) @ weight
            weight_gradient.addmm_(gradient.T, hidden[chunk].float())
        ctx.save_for_backward(hidden_gradient, weight_gradient.to(weight.dtype))
        return total

    @staticmethod
    def backward(ctx: Any, scale: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:  # type: ignore[override]
        hidden_gradient, weight_gradient = ctx.saved_tensors
        # In place, as the second is as large as the head; torch refuses to come here twice.
        return hidden_gradient.mul_(scale), weight_gradient.mul_(scale), None


def _loss_and_gradient(logits: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum of the cross-entropies, and its gradient in the memory of ``logits``: probabilities less the targets."""
    kept, rows, wanted = targets != IGNORED, torch.arange(len(targets)), targets.clamp(min=0)
    log_total = logits.logsumexp(dim=-1)
    loss = (log_total - logits[rows, wanted])[kept].sum()
    gradient = logits.sub_(log_total[:, None]).exp_()
    gradient[rows, wanted] -= 1
    gradient[~kept] = 0
    return loss, gradient


def step_share(total: torch.Tensor, num_step_tokens: int, num_workers: int) -> torch.Tensor:
    """A micro-batch's share of the step's loss, made ready for gradients averaged over workers.

    Args:
        total: The micro-batch's sum of cross-entropies.
        num_step_tokens: Trained tokens of the whole step, over all workers.
        num_workers: Workers whose gradients are averaged.
    """
    return total * (num_workers / num_step_tokens)
