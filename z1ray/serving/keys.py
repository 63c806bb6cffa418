"""API keys: the sources they are read from.

A source is named in the configuration, never the keys themselves, so that no
deployment record, log or generated file can hold them: whoever needs keys reads
the source where it runs.
"""

import os
import re
from pathlib import Path

from z1ray.errors import UserError

NO_KEYS = "none"
HOLDER_HEADER = "x-z1ray-key"
"""The request header by which a replica learns the name of a key's holder; clients cannot set it."""
NOBODY = "-"
"""Stands for the holder of a request that bore no known key."""

_FIELD = "serve.api_keys"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MIN_LENGTH = 16


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


def key_file(source: str) -> Path | None:
    """The file of a source; None if it has none."""
    kind, _, place = source.partition(":")
    return Path(place) if kind == "file" else None


def _entries(source: str) -> list[str]:
    if (file := key_file(source)) is not None:
        try:
            return file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise UserError(
                _FIELD, source, f"the file cannot be read here: {reason}", "write name=key lines to that file"
            ) from error
    place = source.removeprefix("env:")
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
