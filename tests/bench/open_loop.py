"""Open-loop clients, in a process of their own: requests go out when they are due, whatever became of those before.

Reads a ``Load`` as JSON from its standard input and writes the ``Outcome`` of each request as
JSON to its standard output: ``python -m tests.bench.open_loop``.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Load:
    """Requests to send.

    Attributes:
        url: Where to POST them.
        headers: What each request bears.
        times: Seconds from the start at which each is due.
        bodies: One for each.
        patience_s: Seconds from when it was due after which a client leaves; None if it stays.
    """

    url: str
    headers: dict[str, str]
    times: list[float]
    bodies: list[dict[str, Any]]
    patience_s: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a request.

    Attributes:
        status: Of its response; None for a client that left.
        seconds: From when it was due to the end of the response.
        thinking_tokens: Of its choice; None without an answer.
    """

    status: int | None
    seconds: float
    thinking_tokens: int | None = None


async def run(load: Load) -> list[Outcome]:
    """Send all requests."""
    import aiohttp

    timeout, connector = aiohttp.ClientTimeout(total=None), aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(headers=load.headers, timeout=timeout, connector=connector) as session:
        # Connections and processes are ready by then.
        started = time.perf_counter() + 1.0
        sent = [_client(session, load, started + at, body) for at, body in zip(load.times, load.bodies, strict=True)]
        return await asyncio.gather(*sent)


async def _client(session: Any, load: Load, due: float, body: dict[str, Any]) -> Outcome:
    await asyncio.sleep(due - time.perf_counter())
    left = None if load.patience_s is None else due + load.patience_s - time.perf_counter()
    try:
        async with asyncio.timeout(left), session.post(load.url, json=body) as response:
            answer = await response.text()
    except TimeoutError:
        return Outcome(None, time.perf_counter() - due)
    thinking = _thinking(answer) if response.status == 200 else None
    return Outcome(response.status, time.perf_counter() - due, thinking)


def _thinking(answer: str) -> int:
    """The thinking tokens of a whole response, or of a stream, whose last event but ``[DONE]`` tells them."""
    last = answer if answer.startswith("{") else answer.strip().split("\n\n")[-2].removeprefix("data: ")
    return int(json.loads(last)["choices"][0]["thinking"]["thinking_tokens"])


if __name__ == "__main__":
    json.dump([asdict(outcome) for outcome in asyncio.run(run(Load(**json.load(sys.stdin))))], sys.stdout)
