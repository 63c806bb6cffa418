"""A quarter of an hour's worth of mixed requests, as fast as they go: nothing grows, nothing is left behind."""

import asyncio
import itertools
import random
import time
from contextlib import suppress
from typing import Any

import openai
import psutil
import pytest
from ray import serve

from tests.serving.conftest import APP, TINY, Served, engines
from z1ray.serving.replica.autoscaling import PENDING_STAT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

# One request every two seconds for a quarter of an hour. The first third fills every pool.
PARTS = (150, 150, 150)
AT_A_TIME = 16
GROWTH_MIB = 6.0
# The pages of the KV cache become memory as its blocks are first used.
ENGINE_GROWTH_MIB = 64.0


def kinds(client: openai.AsyncOpenAI, rng: random.Random) -> list[Any]:
    """One of each way to use the endpoint, good and bad."""
    budget = rng.randrange(24)

    def ask(**fields: Any) -> Any:
        extra = {"thinking_budget": budget, "max_tokens": budget + 15 + rng.randrange(1, 8), **fields.pop("extra", {})}
        fields = {"model": TINY, "prompt": "word " * rng.randrange(1, 60), **fields}
        return client.completions.create(**fields, extra_body=extra)

    async def stream(num_chunks: int | None, **fields: Any) -> None:
        chunks = await ask(stream=True, **fields)
        async for number, _ in aenumerate(chunks):
            if number == num_chunks:
                break
        await chunks.close()

    async def refused(**fields: Any) -> None:
        with pytest.raises(openai.BadRequestError):
            await ask(**fields)

    return [
        ask,
        lambda: ask(n=2, seed=budget, temperature=1.0),
        lambda: ask(prompt=["one", "two"], logprobs=2, extra={"grace": 1.0, "max_tokens": 70}),
        lambda: stream(None),
        lambda: stream(2, extra={"thinking_budget": 300, "max_tokens": 400, "ignore_eos": True}),
        lambda: refused(extra={"thinking_budget": -7}),
        lambda: refused(prompt="word " * 4000),
    ]


async def aenumerate(chunks: Any) -> Any:
    number = 0
    async for chunk in chunks:
        yield number, chunk
        number += 1


async def load(served: Served, num_requests: int, seed: int) -> None:
    """That many requests, ``AT_A_TIME`` in flight."""
    rng, turns = random.Random(seed), itertools.cycle(range(7))
    address = served.manifest["address"]
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    async with openai.AsyncOpenAI(base_url=address, api_key=served.key, max_retries=0, http_client=http) as client:
        waiting = [kinds(client, rng)[next(turns)] for _ in range(num_requests)]

        async def work() -> None:
            while waiting:
                await waiting.pop()()

        await asyncio.gather(*(work() for _ in range(AT_A_TIME)))


def memory() -> dict[int, float]:
    """MiB of every process that a request passes: proxy, ingress, replica, engine."""
    names = ("ray::ProxyActor", f"ray::ServeReplica:{APP}:")
    processes = engines(APP)
    for process in psutil.Process().children(recursive=True):
        # Ray ends workers that idle.
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith(names):
                processes.append(process)
    return {process.pid: process.memory_info().rss / 2**20 for process in processes}


def test_nothing_grows_and_nothing_is_left(served: Served) -> None:
    """A few kilobytes kept per request would end a replica after a day; so would a row left in the engine."""
    sizes = []
    for seed, num_requests in enumerate(PARTS):
        asyncio.run(load(served, num_requests, seed))
        sizes.append(memory())
    before, after = sizes[1:]
    assert before.keys() == after.keys(), "a process was replaced"
    growth = {f"{psutil.Process(pid).name()} {pid}": round(after[pid] - before[pid], 1) for pid in after}
    of_engines = {name for name in growth if name.startswith("VLLM::")}
    assert max(growth[name] for name in of_engines) < ENGINE_GROWTH_MIB, growth
    assert max(growth[name] for name in growth.keys() - of_engines) < GROWTH_MIB, growth
    handle = serve.get_deployment_handle(f"WindowServer:{TINY}", APP)
    deadline = time.monotonic() + 300
    # The last one that was broken off may still be on its way out.
    while handle.record_autoscaling_stats.remote().result()[PENDING_STAT]:
        assert time.monotonic() < deadline, "tokens are owed to nobody"
        time.sleep(0.5)
