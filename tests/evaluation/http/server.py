"""A server over real HTTP that keeps, ignores or misreports budgets, and fails when told to."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from z1ray.window import CODE_HINT

HINT_TOKENS = 7
ANSWER = "42 is it"

Json = dict[str, Any]
Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Thinks as many words as the question's last word says; then comes an answer of three.

    Args:
        kind: ``z1ray``: keeps ``thinking_budget`` and proves it. ``limited``: keeps ``max_tokens``.
            ``reasoning``: keeps ``thinking_token_budget`` two tokens late, and counts reasoning apart.
            ``plain``: keeps nothing.
        hint: z1ray's hint.
    """

    def __init__(self, kind: str = "z1ray", hint: str = CODE_HINT) -> None:
        self.kind, self.hint = kind, hint
        self.bodies: list[Json] = []
        self.headers: list[str] = []
        self.faults: list[Fault] = []
        self.under_way = self.most_under_way = 0
        self.wait: Callable[[], Awaitable[None]] | None = None
        self.url = ""

    async def models(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/models."""
        return web.json_response({"object": "list", "data": []})

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions: a fault if one waits, else an answer."""
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(request.headers["Authorization"])
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            if self.faults:
                return await self.faults.pop(0)(request)
            if self.wait is not None:
                await self.wait()
            return web.json_response(getattr(self, f"_{self.kind}")(body, int(question(body).split()[-1])))
        finally:
            self.under_way -= 1

    def _z1ray(self, body: Json, needed: int) -> Json:
        budget = body.get("thinking_budget", 4)
        cut = budget != -1 and needed > budget
        written = " ".join(["hm"] * (budget if cut else needed))
        text = written + self.hint + ANSWER if cut else written
        counts = {"thinking_tokens": budget if cut else needed, "hint_tokens": HINT_TOKENS * cut}
        starts = {"hint_start": len(written) if cut else None, "answer_start": len(written + self.hint) if cut else 0}
        thinking = {"budget": budget, **counts, "answer_tokens": 3 * cut, "cut": cut, **starts}
        return completion(text, sum(counts.values()) + 3 * cut, thinking=thinking)

    def _plain(self, body: Json, needed: int) -> Json:
        return completion(" ".join(["hm"] * needed), needed)

    def _limited(self, body: Json, needed: int) -> Json:
        limit = body.get("max_tokens", needed)
        return completion("hm", min(needed, limit), finish_reason="length" if needed > limit else "stop")

    def _reasoning(self, body: Json, needed: int) -> Json:
        reasoning = min(needed, body.get("thinking_token_budget", needed) + 2)
        answer = completion(ANSWER, reasoning + 3)
        answer["usage"]["completion_tokens_details"] = {"reasoning_tokens": reasoning}
        return answer


def question(body: Json) -> str:
    return str(body["messages"][-1]["content"])


def completion(text: str, num_tokens: int, finish_reason: str = "stop", **fields: Any) -> Json:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "finish_reason": finish_reason, **fields}
    return {"object": "chat.completion", "choices": [choice], "usage": {"completion_tokens": num_tokens}}


def refusing(status: int, message: str = "not now", **headers: str) -> Fault:
    async def refuse(request: web.Request) -> web.StreamResponse:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.json_response({"error": {"message": message}}, status=status, headers=sent)

    return refuse


async def cut_before(request: web.Request) -> web.StreamResponse:
    """The connection is lost before anything was said."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut_within(request: web.Request) -> web.StreamResponse:
    """The connection is lost in the middle of the answer."""
    answer = web.StreamResponse(headers={"Content-Length": "1000", "Content-Type": "application/json"})
    await answer.prepare(request)
    await answer.write(b'{"choices": [')
    assert request.transport is not None
    request.transport.abort()
    return answer


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """The server on a free port of this machine while the block runs."""
    loop, started, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.add_routes([web.post("/v1/chat/completions", server.chat), web.get("/v1/models", server.models)])
        runner = web.AppRunner(app, shutdown_timeout=0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert started.wait(60)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()
