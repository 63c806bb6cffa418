"""What Ray Serve's HTTP proxies do first with a request: drop headers that they would fail on, or repeat to anybody.

A proxy reads headers as UTF-8 and answers 500 where one is not; and it puts the request
id of a client, whatever that is, into the response and into every log. Ray asks for
this module by ``RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH`` (``z1ray.connect.SERVE_ENV``).
"""

import re
from collections.abc import Iterable
from typing import Any

from starlette.middleware import Middleware

Headers = list[tuple[bytes, bytes]]

_REQUEST_ID = b"x-request-id"
_PLAIN_ID = re.compile(rb"[\x21-\x7e]{1,128}")


def middlewares() -> list[Middleware]:
    """What Ray puts in front of its proxy."""
    return [Middleware(PlainHeaders)]


class PlainHeaders:
    """ASGI middleware that passes on the headers that are text, and a request id of 128 characters at most."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on; without an id of its client, Ray gives it one."""
        if scope["type"] != "lifespan":
            scope = {**scope, "headers": plain(scope["headers"])}
        await self._app(scope, receive, send)


def plain(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """The headers that are UTF-8, with the first request id if that is one."""
    kept = [(name, value) for name, value in headers if _is_text(name) and _is_text(value)]
    ids = [value for name, value in kept if name.lower() == _REQUEST_ID]
    rest = [(name, value) for name, value in kept if name.lower() != _REQUEST_ID]
    return rest + [(_REQUEST_ID, value) for value in ids[:1] if _PLAIN_ID.fullmatch(value)]


def _is_text(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True
