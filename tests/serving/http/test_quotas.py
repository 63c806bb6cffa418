"""Quotas and conversations on the real endpoint: kept to the token, told in headers, balanced afterwards."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import openai
import pytest

from tests.scrape import samples
from tests.serving.books import settled
from tests.serving.chats import ask
from tests.serving.conftest import KEYS, QUOTAS, TINY, Served
from tests.serving.replica.test_metrics import eventually
from z1ray.serving.quota.book import Balance
from z1ray.serving.quota.keeper import QUOTA_REFUSED, QUOTA_TOKENS
from z1ray.serving.window.hints import hint_token_ids

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

NUM_REQUESTS, NUM_CLIENTS = 500, 24
SHORT = {"thinking_budget": 3, "max_tokens": 22}
LONG = {"thinking_budget": 300, "max_tokens": 400, "ignore_eos": True}


def balance(served: Served, key: str) -> Balance:
    """The sums of a key once all its requests have ended."""
    return settled(served.config, served.output, key)


def client(served: Served, key: str) -> openai.AsyncOpenAI:
    http = openai.DefaultAsyncHttpxClient(trust_env=False)
    address = served.manifest["address"]
    return openai.AsyncOpenAI(base_url=address, api_key=KEYS[key], max_retries=0, http_client=http)


async def one(api: openai.AsyncOpenAI, number: int) -> int:
    """A request that ends, or whose client goes before: what it is known to have written."""
    if number % 10 == 0:
        chunks = await api.completions.create(model=TINY, prompt="hi", stream=True, extra_body=LONG)
        async for _ in chunks:
            break
        await chunks.close()
        return 0
    if number % 10 == 1:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.1):
                await api.completions.create(model=TINY, prompt="hi", extra_body=LONG)
        return 0
    answer = await api.completions.create(model=TINY, prompt="hi", extra_body=SHORT)
    assert answer.usage is not None
    return answer.usage.completion_tokens


async def crowd(served: Served) -> tuple[int, int]:
    """Requests of many clients that share a key: what those that ended wrote, and how many were refused."""
    written, refusals = 0, list[openai.RateLimitError]()
    numbers = iter(range(NUM_REQUESTS))

    async def work() -> None:
        nonlocal written
        async with client(served, "carol") as api:
            for number in numbers:
                try:
                    written += await one(api, number)
                except openai.RateLimitError as error:
                    refusals.append(error)

    await asyncio.gather(*(work() for _ in range(NUM_CLIENTS)))
    assert {error.code for error in refusals} <= {"quota_exceeded"}
    assert all(1 <= int(error.response.headers["retry-after"]) <= 60 for error in refusals)
    return written, len(refusals)


def test_after_many_clients_of_which_some_vanish_the_book_is_balanced(served: Served) -> None:
    """What a client that has gone did not get is the key's again, and what the others wrote is charged to the token."""
    written, refused = asyncio.run(crowd(served))
    sums = balance(served, "carol")
    assert sums.reserved == sums.spent + sums.released
    assert sums.spent >= written > 0
    # Streams that were left wrote a chunk or a few of what was reserved for them.
    assert sums.spent - written < NUM_REQUESTS // 5 * 400 / 2
    assert refused < NUM_REQUESTS / 2


@pytest.fixture
def dave(served: Served) -> Iterator[openai.OpenAI]:
    address = served.manifest["address"]
    http = openai.DefaultHttpxClient(trust_env=False)
    with openai.OpenAI(base_url=address, api_key=KEYS["dave"], max_retries=0, http_client=http) as api:
        yield api


def test_a_quota_is_told_gives_way_to_no_asked_budget_and_is_spent_to_the_last_token(
    served: Served, dave: openai.OpenAI
) -> None:
    """Headers with answers and streams; a default budget takes what is left; then 429 before any work."""
    (limit,) = (quota for quota in QUOTAS["dave"].limits if quota is not None)
    window = served.config.window_of(TINY)
    rest = len(hint_token_ids(served.config.models[TINY], window)[window.default_hint]) + window.answer_tokens
    left = rest + 10
    fields: dict[str, Any] = {"model": TINY, "prompt": "hi"}

    def told(raw: Any) -> tuple[int, int]:
        assert raw.headers["x-ratelimit-reset-tokens"].endswith("s")
        return int(raw.headers["x-ratelimit-limit-tokens"]), int(raw.headers["x-ratelimit-remaining-tokens"])

    create = dave.completions.with_raw_response.create
    spending = {"thinking_budget": 8, "ignore_eos": True, "max_tokens": limit - left}
    with dave.completions.with_streaming_response.create(**fields, stream=True, extra_body=spending) as stream:
        assert told(stream) == (limit, left)
        stream.read()
    assert balance(served, "dave").spent == limit - left
    with pytest.raises(openai.RateLimitError, match=f"{left} are left") as caught:
        create(**fields, extra_body={"thinking_budget": 11, "max_tokens": rest + 11})
    assert (caught.value.code, told(caught.value.response)) == ("quota_exceeded", (limit, left))
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 86_400
    raw = create(**fields, extra_body={"ignore_eos": True})
    assert told(raw) == (limit, 0)
    (choice,) = raw.parse().model_dump()["choices"]
    assert (choice["thinking"]["budget"], choice["thinking"]["bounded_by"]) == (10, "quota")
    sums = balance(served, "dave")
    assert (sums.spent, sums.released) == (limit, 0)
    with pytest.raises(openai.RateLimitError, match="0 are left"):
        create(**fields, stream=True)
    eventually(lambda: (counted(QUOTA_TOKENS, "dave"), counted(QUOTA_REFUSED, "dave")), (limit, 2))


def counted(metric: str, key: str) -> float:
    """What the book's process tells of a key: nothing that it reserved was released."""
    return sum(each.value for each in samples() if each.name == f"ray_{metric}" and each.labels["key"] == key)


def test_the_calls_of_a_conversation_share_its_budget(served: Served) -> None:
    """The third finds nothing left and goes straight to the hint; a key without a quota has no headers."""
    name = f"talk-{time.time()}"
    thoughts = []
    for _ in range(3):
        extra = {"conversation_id": name, "conversation_budget": 30, "thinking_budget": 20, "ignore_eos": True}
        thinking = ask(served, **extra)["choices"][0]["thinking"]
        thoughts.append((thinking["thinking_tokens"], thinking["cut"], thinking["bounded_by"]))
    assert thoughts == [(20, True, "asked"), (10, True, "conversation"), (0, True, "conversation")]
    # The thinking of a run that is not cut counts, too, and what was not used is there for the next.
    raw = served.api.completions.with_raw_response.create(model=TINY, prompt="hi", extra_body=SHORT)
    assert not [header for header in raw.headers if header.startswith("x-ratelimit")]


@pytest.mark.parametrize("fields", [{"conversation_id": "c"}, {"conversation_budget": 9}, {"conversation_ids": "c"}])
def test_half_a_conversation_is_refused(served: Served, fields: dict[str, Any]) -> None:
    """It would bound nothing, and its sender would not notice."""
    with pytest.raises(openai.BadRequestError, match="conversation_"):
        ask(served, **fields)
