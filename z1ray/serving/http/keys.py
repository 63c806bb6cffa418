"""API keys: where they come from, and the guard that requires one of every request.

A source is named in the configuration, never the keys themselves, so that no
deployment record, log or generated file can hold them: whoever needs keys reads
the source where it runs.
"""

import hashlib
import hmac
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any

from z1ray.errors import UserError

NO_KEYS = "none"
OPEN_PATHS = frozenset({"/playground"})
"""Served to everyone: a static page, whose own requests bear a key."""
HOLDER = "user_id"
"""Where ``request.state`` has the name of the request's key; Ray's HTTP metrics look there too."""

_FIELD = "serve.api_keys"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MIN_LENGTH = 16

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def require_source(source: str) -> None:
    """Refuse a setting that names no source of keys.

    Raises:
        UserError: If it is neither ``env:NAME`` nor ``file:PATH`` nor ``none``.
    """
    kind, _, place = source.partition(":")
    if source == NO_KEYS or (kind == "file" and place) or (kind == "env" and _VARIABLE.fullmatch(place)):
        return
    raise UserError(
        _FIELD,
        source,
        "it names no source of keys",
        "set it to env:NAME, file:PATH, or none for an endpoint that everyone who reaches it may use",
    )


def read_keys(source: str) -> dict[str, str]:
    """The keys of a source, by the names of their holders; empty for ``none``.

    Files hold one ``name=key`` per line, environment variables the same separated by
    commas or line ends; ``#`` begins a comment line.

    Raises:
        UserError: If the source is missing, empty or malformed. It never shows a key.
    """
    require_source(source)
    if source == NO_KEYS:
        return {}
    keys: dict[str, str] = {}
    for number, entry in enumerate(_entries(source), 1):
        text = entry.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, key = (part.strip() for part in text.partition("="))
        problem = _problem(name, equals, key, keys)
        if problem:
            raise UserError(
                _FIELD, source, f"entry {number}: {problem}", f"write name=key, the key of {_MIN_LENGTH}+ characters"
            )
        keys[name] = key
    if not keys:
        raise UserError(_FIELD, source, "it holds no key", "write at least one name=key into it")
    return keys


def _entries(source: str) -> list[str]:
    kind, _, place = source.partition(":")
    if kind == "file":
        try:
            return Path(place).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UserError(
                _FIELD, source, f"the file cannot be read here: {reason}", "write name=key lines to that file"
            ) from error
    if place not in os.environ:
        raise UserError(
            _FIELD,
            source,
            "the environment has no such variable here",
            f"export {place}=name=key where Ray is started, name a file (file:PATH), or say none",
        )
    return re.split(r"[,\n]", os.environ[place])


def _problem(name: str, equals: str, key: str, before: dict[str, str]) -> str | None:
    """What is wrong with an entry, in words that do not show it: it may be a bare key."""
    if not equals:
        return "it is not of the form name=key"
    if not name:
        return "the key has no name"
    if name in before:
        return f"there is a key named {name!r} already"
    if len(key) < _MIN_LENGTH:
        return f"the key of {name!r} is shorter than {_MIN_LENGTH} characters"
    if not (key.isascii() and key.isprintable() and " " not in key):
        return f"the key of {name!r} has characters that no HTTP header can carry"
    if key in before.values():
        return f"the key of {name!r} is somebody else's too"
    return None


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
