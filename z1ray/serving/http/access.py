"""Who asked for what, and how it ended: a counter by key name and status, and a line per request in the log."""

import logging
import time
from typing import Any
from urllib.parse import quote

from ray.serve.metrics import Counter

from z1ray.serving.http.guard import HOLDER, App, Receive, Scope, Send
from z1ray.serving.keys import HOLDER_HEADER, NOBODY

REQUESTS = "z1ray_serve_http_requests_total"

# What nginx calls a request whose client left before it had an answer.
_LEFT = 499
_BROKEN = 500
_PATH_CHARS = 200

# Ray Serve's own logger: its lines carry the request's id and land in the log of the replica.
_log = logging.getLogger("ray.serve.z1ray")


class Access:
    """ASGI middleware that counts and logs every HTTP request; the key guard belongs inside of it."""

    def __init__(self, app: App) -> None:
        self._app = app
        keys: Any = ("key", "status")  # Ray annotates tag keys as a tuple of one
        self._requests = Counter(REQUESTS, "HTTP requests by the name of their key and by status.", keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, without a holder of the client's own making."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        headers = [(name, value) for name, value in scope["headers"] if name.lower() != HOLDER_HEADER.encode()]
        status, began = _LEFT, time.monotonic()

        async def noting(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app({**scope, "headers": headers}, receive, noting)
        except Exception:
            status = _BROKEN
            raise
        finally:
            if scope["type"] == "http":
                self._tell(scope, str(state.get(HOLDER, NOBODY)), status, time.monotonic() - began)

    def _tell(self, scope: Scope, holder: str, status: int, seconds: float) -> None:
        self._requests.inc(tags={"key": holder, "status": str(status)})
        path = quote(str(scope["path"]))[:_PATH_CHARS]
        _log.info("key=%s %s %s %d %.0f ms", quote(holder), scope["method"], path, status, seconds * 1000)
