"""How a request carries its window to the engine: names and values, without importing vLLM."""

from collections.abc import Mapping
from typing import Any

from z1ray.window import NO_CAP, Window

BUDGET_ARG = "thinking_budget"
HINT_ARG = "hint_token_ids"
GRACE_ARG = "grace_tokens"


def carries_window(args: Mapping[str, Any] | None) -> bool:
    """True if a request's ``extra_args`` hold a window, whole or in part."""
    return bool(args and args.keys() & {BUDGET_ARG, HINT_ARG, GRACE_ARG})


def extra_args(window: Window) -> dict[str, Any]:
    """A window as ``SamplingParams.extra_args`` (``vllm_xargs`` over HTTP); empty without a cap."""
    if window.budget == NO_CAP:
        return {}
    args = {BUDGET_ARG: window.budget, HINT_ARG: list(window.hint)}
    return args | {GRACE_ARG: window.grace_tokens} if window.grace_tokens else args
