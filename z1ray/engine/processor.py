"""The Shifted Thinking Window inside vLLM: a thin adapter around ``z1ray.window``.

Named in ``engine_kwargs["logits_processors"]``; a request carries its window in
``SamplingParams.extra_args`` (``vllm_xargs`` over HTTP) as ``thinking_budget``
and ``hint_token_ids``. vLLM refuses a custom processor beside speculative
decoding, so a budget cannot be accepted and then not enforced.

The processor is never registered as a ``vllm.logits_processors`` entry point:
that would load it into every engine of the environment, z1ray's or not.
"""

import torch
from vllm import SamplingParams
from vllm.config import VllmConfig
from vllm.exceptions import VLLMValidationError
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor
from vllm.v1.sample.logits_processor.builtin import process_dict_updates

from z1ray.engine.args import BUDGET_ARG, HINT_ARG
from z1ray.window import Window


class WindowProcessor(LogitsProcessor):
    """Forces the hint on every row that has reached its thinking budget.

    vLLM hands over a live reference to each request's generated tokens, so the
    position is always the true one, after preemption and re-prefill too.
    """

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        self._device = device
        self._pin_memory = is_pin_memory
        self._rows: dict[int, tuple[Window, list[int]]] = {}

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        """Refuse a malformed window; over HTTP that is status 400."""
        _window(sampling_params)

    def is_argmax_invariant(self) -> bool:
        """Forcing a token changes the greedy choice."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow requests as they join, leave and move within the batch."""
        process_dict_updates(self._rows, batch_update, _new_row)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Leave exactly one possible token in each row where the hint is due."""
        forced = [
            (row, token)
            for row, (window, generated) in self._rows.items()
            if (token := window.forced_token(len(generated))) is not None
        ]
        if not forced:
            return logits
        index = torch.tensor(forced, dtype=torch.long, pin_memory=self._pin_memory)
        rows, tokens = index.to(self._device, non_blocking=True).unbind(dim=1)
        logits[rows] = float("-inf")
        logits[rows, tokens] = 0.0
        return logits


def _new_row(
    params: SamplingParams, prompt_token_ids: list[int] | None, generated: list[int]
) -> tuple[Window, list[int]] | None:
    window = _window(params)
    return None if window is None else (window, generated)


def _window(params: SamplingParams) -> Window | None:
    """The window a request carries, or None without a cap; VLLMValidationError if malformed."""
    args = params.extra_args or {}
    budget, hint = args.get(BUDGET_ARG), args.get(HINT_ARG)
    if budget is None and hint is None:
        return None
    # bool is an int to Python, but no budget to anyone.
    if type(budget) is not int or budget < 0:
        raise _refusal(BUDGET_ARG, budget, "the engine takes a token count of 0 or more")
    if not isinstance(hint, list) or not hint or not all(type(token) is int and token >= 0 for token in hint):
        raise _refusal(HINT_ARG, hint, "the engine takes a non-empty list of token ids")
    least = budget + len(hint) + 1
    if params.max_tokens is None or params.max_tokens < least:
        problem = f"{BUDGET_ARG} {budget} and a hint of {len(hint)} tokens leave no token to answer with"
        raise _refusal("max_tokens", params.max_tokens, f"{problem}; send {least} or more")
    return Window(budget, tuple(hint), params.max_tokens)


def _refusal(parameter: str, value: object, problem: str) -> VLLMValidationError:
    return VLLMValidationError(f"{parameter} = {value!r}: {problem}", parameter=parameter)
