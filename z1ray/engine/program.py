"""Requests that take several generations of one engine.

A program is a coroutine: it gets a request and a function that generates, asks that as often and as many times
at once as it likes, and returns one row. So what is generated next may depend on what came before, and yet a
table of such requests runs in one pipeline, on engines that start once and still have the prefix in their cache.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from z1ray.records import Row

Generate = Callable[[Sequence[int], Mapping[str, Any]], Awaitable[Sequence[int]]]
"""Prompt token ids and arguments of vLLM's ``SamplingParams`` to the generated token ids, the end's token included."""

Program = Callable[[Row, Generate], Awaitable[Row]]
"""A request to what is added to it: a row that JSON can hold."""
