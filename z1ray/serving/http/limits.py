"""The largest request body: a longer one is refused before anybody parses it.

Ray Serve's proxy passes a body on in pieces, so that one that is too long costs no more
memory here than the limit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.requests import ClientDisconnect

from z1ray.serving.http.failures import error_response
from z1ray.serving.http.guard import App, Receive, Scope, Send

_MIB = 1024 * 1024
# A client that is still sending does not read an answer; up to so many times the limit, it is heard out.
_PATIENCE = 8


class BodyLimit:
    """ASGI middleware that answers 413 to bodies over a limit.

    Args:
        app: The application behind it.
        most_mib: The limit in MiB.
    """

    def __init__(self, app: App, most_mib: int) -> None:
        self._app = app
        self._most_mib = most_mib

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = self._most_mib * _MIB
        body = _Body(receive, most)

        async def answering(message: Any) -> None:
            # What the application says to a body that broke off is not what the client is told.
            if not body.too_long:
                await send(message)

        if _announced(scope) <= most:
            with _breaking_off(body):
                await self._app(scope, body.receive, answering)
            if not body.too_long:
                return
        await body.hear_out(_PATIENCE * most)
        said = f"the body is longer than {self._most_mib} MiB, the limit of this endpoint; send less in one request"
        response = error_response(413, said, kind="invalid_request_error", code="request_too_large")
        await response(scope, receive, send)


class _Body:
    """A request's body, counted while it is received."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive, self._most = receive, most
        self._received, self._ended = 0, False

    @property
    def too_long(self) -> bool:
        """True once more than the limit has come."""
        return self._received > self._most

    async def receive(self) -> Any:
        """The next message, up to the limit; then it is as if the client had gone."""
        message = await self._next()
        return {"type": "http.disconnect"} if self.too_long else message

    async def hear_out(self, most: int) -> None:
        """Receive the rest, up to a length."""
        while not self._ended and self._received <= most:
            await self._next()

    async def _next(self) -> Any:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        # After the last piece nothing comes until the client has its answer, or goes.
        self._ended = not message.get("more_body", False)
        return message


@contextmanager
def _breaking_off(body: _Body) -> Iterator[None]:
    """Applications may also raise what their server makes of a client that has gone."""
    try:
        yield
    except ClientDisconnect:
        if not body.too_long:
            raise


def _announced(scope: Scope) -> int:
    """The length that the client announced; 0 if it did not."""
    lengths = [value for name, value in scope["headers"] if name.lower() == b"content-length"]
    return int(lengths[0]) if lengths and lengths[0].isdigit() else 0
