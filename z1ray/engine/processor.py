"""The Shifted Thinking Window inside vLLM: a thin adapter around ``z1ray.window``.

Named in ``engine_kwargs["logits_processors"]``; a request carries its window in
``SamplingParams.extra_args`` (``vllm_xargs`` over HTTP) under the names of
``z1ray.engine.args``. vLLM refuses a custom processor beside speculative
decoding, so a budget cannot be accepted and then not enforced.

The processor is never registered as a ``vllm.logits_processors`` entry point:
that would load it into every engine of the environment, z1ray's or not.
"""

from dataclasses import dataclass
from typing import TypeGuard

import torch
from vllm import SamplingParams
from vllm.config import VllmConfig
from vllm.exceptions import VLLMValidationError

from z1ray.engine.args import BUDGET_ARG, GRACE_ARG, HINT_ARG, carries_window
from z1ray.engine.tokens import newline_token_ids
from z1ray.upstream.vllm_v1 import BatchUpdate, LogitsProcessor, process_dict_updates
from z1ray.window import Window

# Sampling parameters of vLLM's own that force or forbid tokens over the whole text.
_FIGHTING = ("structured_outputs", "thinking_token_budget", "trace_decode_token_ids")


@dataclass(slots=True)
class _Row:
    """A request in the batch: its window and vLLM's live list of its generated tokens.

    ``cut`` and ``next_look`` only remember what the tokens already say: where the hint
    starts once that is certain, and the first position where it still may.
    """

    window: Window
    generated: list[int]
    cut: int | None = None
    next_look: int = 0

    def forced_token(self, breaks: frozenset[int]) -> int | None:
        """The token that must come next; None if the run is free to write, in its grace or for good."""
        if self.cut is None:
            # With asynchronous scheduling vLLM writes -1 first and the token itself before sampling.
            assert not self.generated or self.generated[-1] >= 0, "the last token is not known yet"
            self.cut = self.window.hint_due(self.generated, breaks, self.next_look)
            self.next_look = len(self.generated) + 1
        return None if self.cut is None or self.done else self.window.hint[len(self.generated) - self.cut]

    @property
    def done(self) -> bool:
        """Whether the whole hint is written, after which the run is free."""
        return self.cut is not None and len(self.generated) >= self.cut + len(self.window.hint)


class WindowProcessor(LogitsProcessor):
    """Forces the hint on every row that has reached its thinking budget.

    vLLM hands over a live reference to each request's generated tokens, so the
    position is always the true one, after preemption and re-prefill too.

    Each call of ``apply`` adds at most one token to a row. So rows far from their
    budget are not looked at again until the nearest of them can have reached it, or
    the batch changes; rows whose hint is written are forgotten.
    """

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        self._device = device
        self._pin_memory = is_pin_memory
        # Read now, in the engine's start: a decode step is no time to go through a vocabulary.
        self._breaks = newline_token_ids(vllm_config.model_config.tokenizer)
        self._rows: dict[int, _Row] = {}
        self._near: dict[int, _Row] = {}
        self._idle_steps = 0

    @classmethod
    def validate_params(cls, sampling_params: SamplingParams) -> None:
        """Refuse a malformed window, and what cannot go with one; over HTTP that is status 400."""
        _window(sampling_params)

    def is_argmax_invariant(self) -> bool:
        """Forcing a token changes the greedy choice."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow requests as they join, leave and move within the batch."""
        if batch_update is not None:
            process_dict_updates(self._rows, batch_update, _new_row)
            self._near, self._idle_steps = {}, 0

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Leave exactly one possible token in each row where the hint is due.

        Args:
            logits: rows x vocabulary, changed in place; nothing of it is read.
        """
        if self._idle_steps:
            self._idle_steps -= 1
        elif self._rows:
            self._find_near()
        rows, tokens = self._forced()
        if rows:
            index = torch.tensor([rows, tokens], dtype=torch.long, pin_memory=self._pin_memory)
            rows_index, tokens_index = index.to(self._device, non_blocking=True).unbind()
            logits.index_fill_(0, rows_index, float("-inf"))
            logits[rows_index, tokens_index] = 0.0
        return logits

    def _find_near(self) -> None:
        """Note the rows at or past their budget, and for how many steps there can be no other."""
        self._near.clear()
        far = []
        for index, row in self._rows.items():
            left = row.window.budget - len(row.generated)
            if left > 0:
                far.append(left)
            else:
                self._near[index] = row
        # A row with n tokens left is free in this step and the n - 1 after it.
        self._idle_steps = min(far) - 1 if far else 0

    def _forced(self) -> tuple[list[int], list[int]]:
        """Rows that have a forced token now, and those tokens; forgets rows whose hint is written."""
        rows, tokens = [], []
        for index, row in list(self._near.items()):
            token = row.forced_token(self._breaks)
            if token is not None:
                rows.append(index)
                tokens.append(token)
            elif row.done:
                del self._near[index], self._rows[index]
        return rows, tokens


def _new_row(params: SamplingParams, prompt_token_ids: list[int] | None, generated: list[int]) -> _Row | None:
    window = _window(params)
    return None if window is None else _Row(window, generated)


def _window(params: SamplingParams) -> Window | None:
    """The window a request carries, or None without a cap; VLLMValidationError if malformed."""
    args = params.extra_args or {}
    if not carries_window(args):
        return None
    budget, hint, grace = args.get(BUDGET_ARG), args.get(HINT_ARG), args.get(GRACE_ARG, 0)
    if not _is_count(budget):
        raise _refusal(BUDGET_ARG, budget, "the engine takes a token count of 0 or more")
    if not isinstance(hint, list) or not hint or not all(_is_count(token) for token in hint):
        raise _refusal(HINT_ARG, hint, "the engine takes a non-empty list of token ids")
    if not _is_count(grace):
        raise _refusal(GRACE_ARG, grace, "the engine takes a token count of 0 or more")
    for name in _FIGHTING:
        if getattr(params, name) is not None:
            problem = f"{BUDGET_ARG} {budget} cannot be enforced together with it; leave out one of them"
            raise _refusal(name, getattr(params, name), problem)
    least = budget + grace + len(hint) + 1
    if params.max_tokens is None or params.max_tokens < least:
        over = f", {GRACE_ARG} {grace}" if grace else ""
        problem = f"{BUDGET_ARG} {budget}{over} and a hint of {len(hint)} tokens leave no token to answer with"
        raise _refusal("max_tokens", params.max_tokens, f"{problem}; send {least} or more")
    return Window(budget, tuple(hint), params.max_tokens, grace)


def _is_count(value: object) -> TypeGuard[int]:
    # bool is an int to Python, but no count to anyone.
    return type(value) is int and value >= 0


def _refusal(parameter: str, value: object, problem: str) -> VLLMValidationError:
    return VLLMValidationError(f"{parameter} = {value!r}: {problem}", parameter=parameter)
