"""How a request carries its window to the engine: names and values, without importing vLLM."""

from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from z1ray.window import Window

BUDGET_ARG = "thinking_budget"
HINT_ARG = "hint_token_ids"
GRACE_ARG = "grace_tokens"
BEGINNING_ARG = "beginning_token_ids"
"""The last tokens of a prompt that belong to the answer: where a grammar shapes the rest, the hint."""


def carries_window(args: Mapping[str, Any] | None) -> bool:
    """True if a request's ``extra_args`` hold a window, whole or in part."""
    return bool(args and args.keys() & {BUDGET_ARG, HINT_ARG, GRACE_ARG})


def hint_watch(breaks: Container[int], args: Mapping[str, Any] | None) -> Callable[[Sequence[int]], bool] | None:
    """Tells of a request's tokens whether its hint is complete.

    Args:
        breaks: Tokens that end a line.
        args: The request's ``extra_args``.

    Returns:
        None if they hold no window.
    """
    if not args or BUDGET_ARG not in args:
        return None
    window = Window(args[BUDGET_ARG], tuple(args[HINT_ARG]), None, args.get(GRACE_ARG, 0))

    def complete(token_ids: Sequence[int]) -> bool:
        cut = window.cut_position(token_ids, breaks)
        return cut is not None and len(token_ids) >= cut + len(window.hint)

    return complete


def extra_args(window: Window) -> dict[str, Any]:
    """A window as ``SamplingParams.extra_args`` (``vllm_xargs`` over HTTP); empty if no run is ever cut."""
    if not window.can_cut:
        return {}
    args = {BUDGET_ARG: window.budget, HINT_ARG: list(window.hint)}
    return args | {GRACE_ARG: window.grace_tokens} if window.grace_tokens else args
