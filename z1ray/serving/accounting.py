"""How many tokens of an answer were thinking, hint and answer, joined to the response.

The counts come from the generated token ids themselves, which vLLM returns on
request (``return_token_ids``), never from text. While they are at hand they also
prove the cut: a run past its budget whose next tokens are not the hint raises
``CapBroken`` rather than being reported as cut.

Responses are plain dictionaries here, in OpenAI's shape.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from z1ray.window import Accounting, Window, account

Json = dict[str, Any]

_ON_REQUEST = ("token_ids", "prompt_token_ids")


class CapBroken(RuntimeError):
    """The engine ran past a thinking budget without writing the hint."""


def measure(window: Window, token_ids: Sequence[int]) -> Accounting:
    """Divide a run's tokens, and check that a cut run holds the hint exactly at its budget.

    Raises:
        CapBroken: If it does not.
    """
    counts = account(window, len(token_ids))
    found = tuple(token_ids[window.budget : window.budget + counts.hint_tokens]) if counts.cut else ()
    if found != window.hint[: counts.hint_tokens]:
        raise CapBroken(
            f"thinking budget {window.budget}: the tokens after it are {list(found)}, not the hint {list(window.hint)}"
        )
    return counts


def annotate(response: Json, window: Window, *, keep_token_ids: bool) -> Json:
    """A whole response with ``thinking`` in each choice and ``reasoning_tokens`` in its usage.

    Args:
        response: A chat or text completion whose choices hold their ``token_ids``.
        window: The window the request ran under.
        keep_token_ids: Whether the client asked for token ids; otherwise they are taken out.
    """
    counts = [measure(window, choice["token_ids"]) for choice in response["choices"]]
    choices = [
        {**_cleaned(choice, keep_token_ids), "thinking": _thinking(window, count)}
        for choice, count in zip(response["choices"], counts, strict=True)
    ]
    usage = _with_reasoning(response["usage"], sum(count.thinking_tokens for count in counts))
    return {**_cleaned(response, keep_token_ids), "choices": choices, "usage": usage}


class StreamAccounting:
    """The same for a stream: ``thinking`` joins the last chunk of each choice, and any usage gains its detail.

    Args:
        window: The window the request runs under.
        keep_token_ids: Whether the client asked for token ids; otherwise they are taken out.
    """

    def __init__(self, window: Window, *, keep_token_ids: bool) -> None:
        self._window = window
        self._keep = keep_token_ids
        self._token_ids: dict[int, list[int]] = defaultdict(list)

    def event(self, event: str) -> str:
        """Pass on one server-sent event (``data: ...``) of vLLM's stream, chunks with their accounting.

        Raises:
            CapBroken: If a choice ends past its budget without the hint.
        """
        payload = event.removeprefix("data: ").strip()
        chunk = json.loads(payload) if payload.startswith("{") else {}
        if "choices" not in chunk:
            return event
        chunk = {**_cleaned(chunk, self._keep), "choices": [self._choice(choice) for choice in chunk["choices"]]}
        if chunk.get("usage"):
            chunk["usage"] = _with_reasoning(chunk["usage"], self._reasoning_tokens(chunk))
        return server_sent_event(chunk)

    def _choice(self, choice: Json) -> Json:
        token_ids = self._token_ids[choice["index"]]
        token_ids.extend(choice.get("token_ids") or ())
        cleaned = _cleaned(choice, self._keep)
        if choice.get("finish_reason") is None:
            return cleaned
        return {**cleaned, "thinking": _thinking(self._window, measure(self._window, token_ids))}

    def _reasoning_tokens(self, chunk: Json) -> int:
        """Usage beside a choice is that choice's so far; the one at the end, without any, is everyone's."""
        indices = [choice["index"] for choice in chunk["choices"]] or list(self._token_ids)
        return sum(account(self._window, len(self._token_ids[index])).thinking_tokens for index in indices)


def server_sent_event(content: Json) -> str:
    """One event of a stream, as the OpenAI protocol frames it."""
    return f"data: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _thinking(window: Window, counts: Accounting) -> Json:
    return {"budget": window.budget, **asdict(counts)}


def _cleaned(part: Json, keep_token_ids: bool) -> Json:
    return part if keep_token_ids else {name: value for name, value in part.items() if name not in _ON_REQUEST}


def _with_reasoning(usage: Json, reasoning_tokens: int) -> Json:
    details = usage.get("completion_tokens_details") or {}
    return {**usage, "completion_tokens_details": {**details, "reasoning_tokens": reasoning_tokens}}
