"""The loss: mean cross-entropy over the trained tokens of a whole optimizer step.

The tokens of a step are distributed over workers and micro-batches of unequal size, so the
mean of per-micro-batch means would weight tokens unequally. Each micro-batch instead
contributes its *sum*, divided by the number of trained tokens of the entire step.

DeepSpeed averages gradients over the workers, which ``step_share`` compensates, and
by default divides by the accumulation steps, which the loop disables with
``backward(..., scale_wrt_gas=False)``. Without this the loss is wrong: see
transformers#45305, accelerate#3877.

The language model's head is applied to trained positions only, in chunks, and the gradient of a
chunk is computed together with its loss: logits of more than one chunk are never
in memory, and none are recomputed. All of this happens in one ``forward`` call of the
head, so that ZeRO-3 gathers its weight once. On a GPU it is Liger's fused kernel,
which works in the same way.
"""

from types import MethodType
from typing import Any

import torch

from z1ray.errors import UserError
from z1ray.training.data.tokenize import IGNORE_INDEX

CHUNK_TOKENS = 256
"""Positions per chunk of logits: 150 MB in float32 for a vocabulary of 152,000."""


def train_on_packed_rows(model: Any) -> None:
    """Change the ``forward`` of a transformers causal language model to return the summed loss of a micro-batch.

    It then takes ``MicroBatch.inputs``. The names and the tying of the weights are unchanged.

    Raises:
        UserError: If the head is not a single matrix without bias.
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
    """Language-model head that returns the loss instead of logits.

    Args:
        weight: [vocabulary, hidden]; may be tied to the embedding.
    """

    def __init__(self, weight: torch.nn.Parameter) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, hidden: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Summed cross-entropy, in float32.

        Args:
            hidden: [positions, hidden].
            targets: [positions], target token ids; those equal to ``IGNORE_INDEX`` are left out.
        """
        if not hidden.is_cuda:
            return linear_cross_entropy_sum(hidden, self.weight, targets)
        from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

        fused = LigerFusedLinearCrossEntropyLoss(ignore_index=IGNORE_INDEX, reduction="sum", accum_dtype=torch.float32)
        total: torch.Tensor = fused(self.weight, hidden, targets)
        return total


def linear_cross_entropy_sum(hidden: torch.Tensor, weight: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Summed cross-entropy of the logits ``hidden @ weight.T``, computed in chunks of ``CHUNK_TOKENS`` positions.

    Args:
        hidden: [positions, hidden].
        weight: [vocabulary, hidden].
        targets: [positions], target token ids; those equal to ``IGNORE_INDEX`` are left out.

    Returns:
        A float32 scalar, differentiable with respect to ``hidden`` and ``weight``.
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
    """Summed cross-entropy and its gradient with respect to ``logits``, which is written in place."""
    kept, rows, wanted = targets != IGNORE_INDEX, torch.arange(len(targets)), targets.clamp(min=0)
    log_total = logits.logsumexp(dim=-1)
    loss = (log_total - logits[rows, wanted])[kept].sum()
    gradient = logits.sub_(log_total[:, None]).exp_()
    gradient[rows, wanted] -= 1
    gradient[~kept] = 0
    return loss, gradient


def step_share(total: torch.Tensor, num_step_tokens: int, num_workers: int) -> torch.Tensor:
    """Scale a micro-batch's summed loss so that gradients averaged over workers are those of the step's mean loss.

    Args:
        total: Summed cross-entropy of the micro-batch.
        num_step_tokens: Number of trained tokens of the step over all workers.
        num_workers: Number of workers whose gradients are averaged.
    """
    return total * (num_workers / num_step_tokens)
