"""A request of vLLM's API, as a replica reads it and as its engine gets it."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote

from z1ray.engine.args import BEGINNING_ARG, extra_args
from z1ray.serving.keys import HOLDER_HEADER, NOBODY
from z1ray.serving.notes import Note, read_note
from z1ray.serving.window.request import WindowRequest
from z1ray.upstream.ray_llm import KNOWN_EFFORTS, ChatCompletionRequest, CompletionRequest, RawRequestInfo

Request = ChatCompletionRequest | CompletionRequest


def set_window(request: Request, wanted: WindowRequest, limit: str) -> None:
    """Write a window into the request that the engine gets."""
    num_begun = len(wanted.beginning)
    args: dict[str, Any] = {BEGINNING_ARG: list(wanted.beginning)} if num_begun else extra_args(wanted.window)
    if args:
        request.vllm_xargs = {**(request.vllm_xargs or {}), **args}
    if num_begun:
        request.min_tokens = max(0, request.min_tokens - num_begun)
    if wanted.window.max_tokens is not None:
        most = wanted.window.max_tokens - num_begun
        # All that vLLM's completions know; its chat prefers the other name.
        request.max_tokens = most
        setattr(request, limit, most)
    # Both have become the window's budget: the engine would refuse a cap of its own beside it, and efforts
    # that it does not know.
    request.thinking_token_budget = None
    if isinstance(request, ChatCompletionRequest) and request.reasoning_effort not in KNOWN_EFFORTS:
        request.reasoning_effort = None
    # The accounting counts tokens, and text does not say how many there were.
    request.return_token_ids = True


def beginning(request: Request) -> Sequence[int]:
    """The first tokens of a request's answers, as ``set_window`` wrote them into it."""
    return (request.vllm_xargs or {}).get(BEGINNING_ARG, ())  # type: ignore[return-value]


def num_prompts(request: Request) -> int:
    """How many prompts a request has."""
    prompt: Sequence[Any] | None = getattr(request, "prompt", None)
    return len(prompt) if isinstance(prompt, list) and prompt and not isinstance(prompt[0], int) else 1


def note(raw_request_info: RawRequestInfo | None) -> Note:
    """What the ingress noted on the request."""
    return Note() if raw_request_info is None else read_note(raw_request_info.headers)


def holder(raw_request_info: RawRequestInfo | None) -> str:
    """Whose key the request bore, by name."""
    headers = {} if raw_request_info is None else raw_request_info.headers
    return unquote(headers.get(HOLDER_HEADER, NOBODY))
