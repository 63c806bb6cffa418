"""Closed-loop streaming clients, in a process of their own so that they share no event loop with a server.

Reads a ``Load`` as JSON from its standard input and writes a ``Result`` as JSON to its
standard output: ``python -m tests.bench.load``.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

_EVENT = b"data: "


@dataclass(frozen=True)
class Load:
    """Requests to send.

    Attributes:
        url: Where to POST them.
        headers: What each request bears.
        num_clients: Streams at a time; each client sends its next request when the last has ended.
        bodies: One request each, in this order.
    """

    url: str
    headers: dict[str, str]
    num_clients: int
    bodies: list[dict[str, Any]]


@dataclass(frozen=True)
class Result:
    """What came back.

    Attributes:
        seconds: From the first request sent to the last stream ended.
        first_token_s: Seconds from each request to its first chunk with text.
        num_tokens: Tokens generated, as each response's usage says.
        num_chunks: Events of all streams.
    """

    seconds: float
    first_token_s: list[float]
    num_tokens: int
    num_chunks: int


async def run(load: Load) -> Result:
    """Send all requests; an answer that is no complete stream raises."""
    import aiohttp

    waiting = iter(load.bodies)
    timeout = aiohttp.ClientTimeout(total=None)
    connector = aiohttp.TCPConnector(limit=load.num_clients)
    async with aiohttp.ClientSession(headers=load.headers, timeout=timeout, connector=connector) as session:
        started = time.perf_counter()
        async with asyncio.TaskGroup() as clients:
            tasks = [clients.create_task(_client(session, load.url, waiting)) for _ in range(load.num_clients)]
        seconds = time.perf_counter() - started
    streams = [stream for task in tasks for stream in task.result()]
    first, tokens, chunks = zip(*streams, strict=True)
    return Result(seconds, list(first), sum(tokens), sum(chunks))


async def _client(session: Any, url: str, waiting: Iterator[dict[str, Any]]) -> list[tuple[float, int, int]]:
    return [await _stream(session, url, body) for body in waiting]


async def _stream(session: Any, url: str, body: dict[str, Any]) -> tuple[float, int, int]:
    """Seconds to the first text, tokens and events of one stream."""
    first, chunks, last = None, 0, b""
    started = time.perf_counter()
    async with session.post(url, json=body) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            if not line.startswith(_EVENT):
                continue
            chunks += 1
            # Only what is needed is decoded: the clients share the machine with the servers.
            if first is None and _has_text(json.loads(line[len(_EVENT) :])):
                first = time.perf_counter() - started
            if not line.startswith(_EVENT + b"[DONE]"):
                last = line
    assert first is not None, "a stream without text"
    return first, json.loads(last[len(_EVENT) :])["usage"]["completion_tokens"], chunks


def _has_text(chunk: dict[str, Any]) -> bool:
    return any(choice["delta"].get("content") for choice in chunk["choices"])


if __name__ == "__main__":
    json.dump(asdict(asyncio.run(run(Load(**json.load(sys.stdin))))), sys.stdout)
