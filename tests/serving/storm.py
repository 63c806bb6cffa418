"""Many clients at once that ask in every way there is; each answer is checked, and each refusal has to be one."""

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import openai

from z1ray.serving.replica.errors import LOST_REPLICA

ENDINGS = {"whole", "left", "lost", "queue_full", "quota_exceeded", "deadline_impossible", "replica_lost"}
"""Ways to end: as it should, because the client left, in mid-stream, or with a code and the time to come again."""
LOST = str(LOST_REPLICA["message"])
# What each next request asks for. None of them ends by itself.
_KINDS: list[dict[str, Any]] = [
    {"thinking_budget": 40, "stream": True},
    {"thinking_budget": 0},
    {"thinking_budget": 24, "n": 2},
    {"stream": True},
    {"deadline_s": 120.0, "stream": True},
    {"reasoning_effort": "none", "key": "carol"},
    {"thinking_budget": 30, "key": "carol", "stream": True},
    {"conversation_id": "storm", "conversation_budget": 900, "stream": True},
    {"thinking_budget": 60, "stream": True, "leaves": True},
]
_OF_OPENAI = ("stream", "n")
# What a refusal tells to wait for, before the next request.
_PAUSE_S = 1.0


class Storm:
    """A number of requests, of which so many are on their way at a time.

    Args:
        address: Of the endpoint.
        model: The model.
        keys: By name; requests are of ``alice`` unless their kind says otherwise.
        max_budget: The most that a request thinks which names no budget.

    Attributes:
        seen: How many ended in which way, one of ``ENDINGS`` or a message that should not be.
    """

    def __init__(self, address: str, model: str, keys: dict[str, str], max_budget: int) -> None:
        self.seen: Counter[str] = Counter()
        self._address, self._model, self._keys, self._max_budget = address, model, keys, max_budget

    def blow(self, num_requests: int, at_a_time: int, at: int, strike: Callable[[], None]) -> None:
        """Send all; call ``strike`` when ``at`` of them have ended."""
        asyncio.run(self._blow(num_requests, at_a_time, at, strike))

    async def _blow(self, num_requests: int, at_a_time: int, at: int, strike: Callable[[], None]) -> None:
        kinds = itertools.islice(itertools.cycle(_KINDS), num_requests)
        struck = False
        async with self._client() as api:

            async def work() -> None:
                nonlocal struck
                for kind in kinds:
                    ending = await self._one(api, dict(kind))
                    self.seen[ending] += 1
                    if ending not in ("whole", "left"):
                        await asyncio.sleep(_PAUSE_S)
                    if not struck and self.seen.total() >= at:
                        struck = True
                        await asyncio.to_thread(strike)

            await asyncio.gather(*(work() for _ in range(at_a_time)))

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[openai.AsyncOpenAI]:
        limits = openai.DefaultAsyncHttpxClient(trust_env=False, timeout=900)
        async with openai.AsyncOpenAI(
            base_url=self._address, api_key=self._keys["alice"], max_retries=0, http_client=limits
        ) as api:
            yield api

    async def _one(self, api: openai.AsyncOpenAI, kind: dict[str, Any]) -> str:
        api = api.with_options(api_key=self._keys[kind.pop("key", "alice")])
        leaves, asked = kind.pop("leaves", False), {name: kind.pop(name) for name in _OF_OPENAI if name in kind}
        extra = {"ignore_eos": True, "return_token_ids": True, **kind}
        try:
            answer: Any = await api.completions.create(model=self._model, prompt="Once", extra_body=extra, **asked)
            if not asked.get("stream"):
                choices = [[choice] for choice in answer.model_dump()["choices"]]
            elif leaves:
                await anext(aiter(answer))
                await answer.close()
                return "left"
            else:
                choices = [[chunk.model_dump()["choices"][0] async for chunk in answer]]
        except openai.APIStatusError as error:
            return str(error.code) if int(error.response.headers.get("Retry-After", 0)) >= 1 else str(error)
        except openai.APIError as error:
            # In mid-stream there is no status any more.
            return "lost" if error.message == LOST else str(error)
        for pieces in choices:
            self._require_whole(pieces, kind.get("thinking_budget"))
        return "whole"

    def _require_whole(self, pieces: list[dict[str, Any]], asked: int | None) -> None:
        """An answer that thought no more than its budget, and is all there."""
        told = pieces[-1]["thinking"]
        assert told["budget"] == asked or (asked is None and 0 <= told["budget"] <= self._max_budget), told
        assert told["thinking_tokens"] == told["budget"], told
        assert told["cut"], told
        assert told["answer_tokens"] > 0, told
        written = sum(len(piece.get("token_ids") or ()) for piece in pieces)
        assert written == told["thinking_tokens"] + told["hint_tokens"] + told["answer_tokens"], told
        assert "".join(piece["text"] for piece in pieces)
