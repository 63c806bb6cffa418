"""Adds the token counts to responses: ``thinking`` per choice, ``reasoning_tokens`` in the usage.

Responses are plain dictionaries here, in OpenAI's shape; their choices hold the
generated token ids, which vLLM returns on request (``return_token_ids``).
"""

import json
from dataclasses import asdict
from typing import Any, Protocol

from z1ray.serving.window.transcript import Division, OutputSpec, Transcript
from z1ray.window import Accounting

Json = dict[str, Any]

_ON_REQUEST = ("token_ids", "prompt_token_ids")


class Observer(Protocol):
    """Receives the token counts of a response or stream, choice by choice; ``RequestMeter`` is one."""

    def wrote(self, index: int, num_tokens: int) -> None:
        """A choice of a stream has this many more tokens."""

    def finished(self, index: int, accounting: Accounting) -> None:
        """A choice has ended."""


def annotate(response: Json, spec: OutputSpec, observer: Observer, *, keep_token_ids: bool) -> Json:
    """Add the token counts to a whole response; the given one is left unchanged.

    Args:
        response: A chat or text completion whose choices hold their ``token_ids``.
        spec: How to decode and divide the request's tokens.
        observer: Receives the counts of every choice.
        keep_token_ids: Whether the client asked for token ids; otherwise they are taken out.

    Raises:
        CapBroken: If a choice ran past its budget without the hint.
    """
    whole = StreamAccounting(spec, observer, keep_token_ids=keep_token_ids)
    choices = [whole.choice(choice, ended=True) for choice in response["choices"]]
    usage = _with_beginning(response["usage"], spec, spec.num_prompts, len(choices))
    usage = _with_reasoning(usage, sum(choice["thinking"]["thinking_tokens"] for choice in choices))
    return {**_cleaned(response, spec, keep_token_ids), "choices": choices, "usage": usage}


class StreamAccounting:
    """Adds the counts to a stream: ``thinking`` to the last chunk of each choice, the detail to every usage.

    Args:
        spec: How to decode and divide the request's tokens.
        observer: Receives the counts of every choice.
        keep_token_ids: Whether the client asked for token ids; otherwise they are taken out.
    """

    def __init__(self, spec: OutputSpec, observer: Observer, *, keep_token_ids: bool) -> None:
        self._spec = spec
        self._observer = observer
        self._keep = keep_token_ids
        self._runs: dict[int, Transcript] = {}

    def event(self, event: str) -> str:
        """Return one server-sent event (``data: ...``) of vLLM's stream as the client gets it.

        Raises:
            CapBroken: If a choice ends past its budget without the hint.
        """
        payload = event.removeprefix("data: ").strip()
        chunk = json.loads(payload) if payload.startswith("{") else {}
        if "choices" not in chunk:
            return event
        for choice in chunk["choices"]:
            self._observer.wrote(choice["index"], len(choice.get("token_ids") or ()))
        choices = [self.choice(choice, ended=choice.get("finish_reason") is not None) for choice in chunk["choices"]]
        chunk = {**_cleaned(chunk, self._spec, self._keep), "choices": choices}
        if chunk.get("usage"):
            chunk["usage"] = self._usage(chunk["usage"], [choice["index"] for choice in choices])
        return server_sent_event(chunk)

    def choice(self, choice: Json, *, ended: bool) -> Json:
        """Return a choice, or its next piece, as the client gets it; with ``thinking`` once it has ended."""
        index = choice["index"]
        if index not in self._runs:
            self._runs[index] = Transcript(self._spec)
            choice = _begun(choice, self._spec)
        run = self._runs[index]
        text = run.add(_text(choice), choice.get("token_ids") or ())
        cleaned = _cleaned(choice, self._spec, self._keep)
        if not ended:
            return _with_text(cleaned, text)
        rest, division = run.finish()
        self._observer.finished(index, division.counts)
        return {**_with_text(cleaned, text + rest), "thinking": _thinking(self._spec, division)}

    def _usage(self, usage: Json, beside: list[int]) -> Json:
        """Usage beside a choice is that choice's so far; the one at the end, without a choice, is the sum of all."""
        indices, num_prompts = (beside, 1) if beside else (list(self._runs), self._spec.num_prompts)
        reasoning = sum(self._spec.count(self._runs[index].token_ids).thinking_tokens for index in indices)
        return _with_reasoning(_with_beginning(usage, self._spec, num_prompts, len(indices)), reasoning)


def server_sent_event(content: Json) -> str:
    """One event of a stream, as the OpenAI protocol frames it."""
    return f"data: {json.dumps(content, ensure_ascii=False, separators=(',', ':'))}\n\n"


def _thinking(spec: OutputSpec, division: Division) -> Json:
    counts = {"budget": spec.window.budget, "bounded_by": spec.bounded_by, **asdict(division.counts)}
    return {**counts, "hint_start": division.hint_start, "answer_start": division.answer_start}


def _text(choice: Json) -> str:
    """A choice's text, or its next piece: chats have a message or a delta, plain completions the text itself."""
    holder = choice.get("message") or choice.get("delta") or {}
    return choice.get("text") or holder.get("content") or ""


def _with_text(choice: Json, text: str) -> Json:
    """The choice with another text; one that has none, like a tool call, is left as it is."""
    if _text(choice) == text:
        return choice
    if "text" in choice:
        return {**choice, "text": text}
    holder = "message" if "message" in choice else "delta"
    return {**choice, holder: {**choice[holder], "content": text}}


def _begun(choice: Json, spec: OutputSpec) -> Json:
    """A choice, or its first piece, with what the engine got of it with the prompt."""
    if not spec.beginning:
        return choice
    choice = {**choice, "token_ids": [*spec.beginning, *(choice.get("token_ids") or ())]}
    return _with_text(choice, spec.decode(spec.beginning) + _text(choice))


def _with_beginning(usage: Json, spec: OutputSpec, num_prompts: int, num_choices: int) -> Json:
    """The usage with the beginnings, which the engine counts as part of each prompt, among what was written."""
    if not (num_tokens := len(spec.beginning)):
        return usage
    prompt = usage["prompt_tokens"] - num_tokens * num_prompts
    completion = usage["completion_tokens"] + num_tokens * num_choices
    return {
        **usage,
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }


def _cleaned(part: Json, spec: OutputSpec, keep_token_ids: bool) -> Json:
    if not keep_token_ids:
        return {name: value for name, value in part.items() if name not in _ON_REQUEST}
    if spec.beginning and part.get("prompt_token_ids"):
        return {**part, "prompt_token_ids": part["prompt_token_ids"][: -len(spec.beginning)]}
    return part


def _with_reasoning(usage: Json, reasoning_tokens: int) -> Json:
    details = usage.get("completion_tokens_details") or {}
    return {**usage, "completion_tokens_details": {**details, "reasoning_tokens": reasoning_tokens}}
