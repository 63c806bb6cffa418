"""The guard that requires an API key of every request."""

import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import quote

from z1ray.serving.http.keyring import KeyRing
from z1ray.serving.keys import HOLDER_HEADER

OPEN_PATHS = frozenset({"/playground", "/health"})
"""Served to everyone: a static page, whose own requests bear a key, and whether the endpoint is ready."""
HOLDER = "user_id"
"""Where ``request.state`` has the name of the request's key; Ray's HTTP metrics look there too."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class KeyGuard:
    """ASGI middleware that lets only requests with a key of ``source`` through, except to ``OPEN_PATHS``.

    The key itself goes no further. The name of its holder is left in ``request.state``, and goes on to
    the replica in a header.

    Args:
        app: What it guards.
        source: Read here, and again when it changes.

    Raises:
        UserError: As ``read_keys``.
    """

    def __init__(self, app: App, source: str) -> None:
        self._app = app
        self._keys = KeyRing(source)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if scope["type"] == "lifespan" or route_path(scope) in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        await self._keys.refresh()
        if holder := self._holder(scope["headers"]):
            scope.setdefault("state", {})[HOLDER] = holder
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
            headers.append((HOLDER_HEADER.encode(), quote(holder).encode()))
            await self._app({**scope, "headers": headers}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send)

    def _holder(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The holder of the request's key, or None."""
        sent = [value for name, value in headers if name.lower() == b"authorization"]
        scheme, _, token = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        holder = self._keys.holder(token.strip())
        return holder if scheme.lower() == b"bearer" else None


def route_path(scope: Scope) -> str:
    """The path of a request below the application's route prefix, which ASGI's ``path`` begins with."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


async def _refuse(send: Send) -> None:
    message = "Authorization: no valid API key; send 'Authorization: Bearer KEY' with a key of this endpoint"
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_api_key"}
    body = json.dumps({"error": error}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"www-authenticate", b'Bearer realm="z1ray"'),
    ]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})
