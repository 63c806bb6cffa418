"""The guard that requires an API key of every request."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from z1ray.serving.keys import read_keys

OPEN_PATHS = frozenset({"/playground"})
"""Served to everyone: a static page, whose own requests bear a key."""
HOLDER = "user_id"
"""Where ``request.state`` has the name of the request's key; Ray's HTTP metrics look there too."""

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class KeyGuard:
    """ASGI middleware that lets only requests with a key of ``source`` through, except to ``OPEN_PATHS``.

    The name of the key is left in ``request.state``; the header goes no further.

    Args:
        app: What it guards.
        source: Read once, here.

    Raises:
        UserError: As ``read_keys``.
    """

    def __init__(self, app: App, source: str) -> None:
        self._app = app
        self._digests = [(name, _digest(key.encode())) for name, key in read_keys(source).items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or pass the request on."""
        if scope["type"] == "lifespan" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
        elif holder := self._holder(scope["headers"]):
            scope.setdefault("state", {})[HOLDER] = holder
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"authorization"]
            await self._app({**scope, "headers": headers}, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refuse(send)

    def _holder(self, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
        """The holder of the request's key, or None. Every key is compared, so that the time reveals nothing."""
        sent = [value for name, value in headers if name.lower() == b"authorization"]
        scheme, _, token = sent[0].partition(b" ") if len(sent) == 1 else (b"", b"", b"")
        digest = _digest(token.strip())
        matching = [name for name, known in self._digests if hmac.compare_digest(known, digest)]
        return matching[0] if matching and scheme.lower() == b"bearer" else None


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()


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
