"""Headers that Ray Serve's proxy would fail on, or repeat to anybody, do not reach it."""

import asyncio
from typing import Any

import pytest

from z1ray.connect import SERVE_ENV
from z1ray.serving.http.proxy import PlainHeaders, plain

ID = b"x-request-id"
HOST = (b"host", b"example.com")


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([(ID, b"mine-1")], [b"mine-1"]),
        ([(ID, b"x" * 128)], [b"x" * 128]),
        ([(ID, b"x" * 129)], []),
        ([(ID, b"x" * 30_000)], []),
        ([(ID, b"\xff\xfe")], []),
        ([(ID, "ü".encode())], []),
        ([(ID, b"two words")], []),
        ([(ID, b"")], []),
        ([(ID, b"first"), (b"X-Request-ID", b"second")], [b"first"]),
    ],
)
def test_a_request_id_is_short_and_plain_or_not_the_clients(sent: Any, kept: list[bytes]) -> None:
    """It is repeated in the response and in every log; not being UTF-8, it was a 500."""
    assert plain([HOST, *sent]) == [HOST, *((ID, value) for value in kept)]


def test_headers_that_are_no_text_are_dropped() -> None:
    """The proxy reads names and some values as UTF-8; whatever was meant, nobody here reads it."""
    odd = [(b"serve_multiplexed_model_id", b"\xff"), (b"x-\xff", b"1"), (b"user-agent", "é".encode("latin-1"))]
    assert plain([HOST, *odd, (b"user-agent", "é".encode())]) == [HOST, (b"user-agent", "é".encode())]


def test_ray_takes_the_middleware_by_its_name() -> None:
    """A proxy that cannot load it does not start."""
    from ray.serve._private.http_util import configure_http_middlewares, validate_http_proxy_callback_return
    from ray.serve._private.utils import call_function_from_import_path

    path = SERVE_ENV["RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH"]
    (made,) = validate_http_proxy_callback_return(call_function_from_import_path(path))
    assert callable(configure_http_middlewares)
    cls: Any = made.cls
    assert cls is PlainHeaders
    seen: list[Any] = []

    async def app(scope: Any, *_: object) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> None:
        """Neither received nor sent."""

    for kind in ("http", "lifespan"):
        asyncio.run(PlainHeaders(app)({"type": kind, "headers": [HOST, (ID, b"\xff")]}, nothing, nothing))
    assert [scope["headers"] for scope in seen] == [[HOST], [HOST, (ID, b"\xff")]]
