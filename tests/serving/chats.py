"""Chats with the endpoint that all tests share."""

from typing import Any

from tests.serving.conftest import TINY, Served

LONG: Any = [{"role": "user", "content": "Explain how binary search works."}]
SHORT: Any = [{"role": "user", "content": "What is 2+2? Answer with one number only."}]


def ask(served: Served, messages: Any = LONG, /, **fields: Any) -> dict[str, Any]:
    """One greedy chat; z1ray's own fields travel in ``extra_body`` as clients must send them."""
    return dict(served.api.chat.completions.create(**request(messages, fields)).model_dump())


def ask_stream(served: Served, messages: Any = LONG, /, **fields: Any) -> list[dict[str, Any]]:
    """The same as a stream: its chunks."""
    options: Any = {"stream": True, "stream_options": {"include_usage": True}}
    return [chunk.model_dump() for chunk in served.api.chat.completions.create(**request(messages, fields), **options)]


def request(messages: Any, fields: dict[str, Any]) -> dict[str, Any]:
    known = {"model", "max_tokens", "n", "seed", "stop", "temperature", "reasoning_effort"} & set(fields)
    extra = {name: value for name, value in fields.items() if name not in known}
    own = {name: fields[name] for name in known}
    return {"model": TINY, "messages": messages, "temperature": 0.0, **own, "extra_body": extra}
