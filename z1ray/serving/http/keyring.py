"""The keys of an endpoint while it runs: read again when their file changes.

A key that is taken out of the file opens nothing a few seconds later, on every
ingress, and one that is put in opens; nothing restarts. A file that is missing or
malformed changes nothing: the last keys stay, and the log says what is wrong.
Environment variables of a running process do not change.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from contextlib import suppress

from z1ray.errors import UserError
from z1ray.serving.keys import key_file, read_keys

_LOOK_EVERY_S = 1.0
# A file written within it may be written once more without its time or size telling.
_SETTLED_S = 2.0
# Storage that hangs must not hold up requests; they are judged by the last keys then.
_PATIENCE_S = 2.0

# Ray Serve's own logger, so that lines land in the log of the replica.
_log = logging.getLogger("ray.serve.z1ray")

Stamp = tuple[int, int, int]


class KeyRing:
    """The holders of a source's keys.

    Args:
        source: As ``serve.api_keys`` names it.

    Raises:
        UserError: As ``read_keys``.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._file = key_file(source)
        self._stamp = self._look()
        self._digests = _digests(read_keys(source))
        self._looked = time.monotonic()
        self._problem = ""
        self._reading: asyncio.Task[None] | None = None

    def holder(self, key: bytes) -> str | None:
        """Whose key it is, or None. Every key is compared, so that the time reveals nothing."""
        digest = _digest(key)
        matching = [name for name, known in self._digests.items() if hmac.compare_digest(known, digest)]
        return matching[0] if matching else None

    async def refresh(self) -> None:
        """Read the file again if it has changed since the last look, a second ago or longer."""
        if self._file is None:
            return
        if self._reading is None and time.monotonic() - self._looked >= _LOOK_EVERY_S:
            self._reading = asyncio.create_task(self._read_again())
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=_PATIENCE_S)

    async def _read_again(self) -> None:
        try:
            await asyncio.to_thread(self._update)
        finally:
            self._looked, self._reading = time.monotonic(), None

    def _update(self) -> None:
        stamp = self._look()
        if stamp is not None and stamp == self._stamp:
            return
        before, self._stamp = self._digests, stamp
        try:
            self._digests = _digests(read_keys(self._source))
        except UserError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                _log.error("the API keys stay as they were: %s", error)
        else:
            self._problem = ""
            _tell(before, self._digests)

    def _look(self) -> Stamp | None:
        """What tells one state of the file from the next; None if it is missing, or not settled yet."""
        if self._file is None:
            return None
        with suppress(OSError):
            stat = self._file.stat()
            if time.time() - stat.st_mtime > _SETTLED_S:
                return stat.st_ino, stat.st_size, stat.st_mtime_ns
        return None


def _tell(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Log who holds a key now, by name."""
    changes = {
        "added": after.keys() - before.keys(),
        "changed": {name for name in after.keys() & before.keys() if after[name] != before[name]},
        "removed": before.keys() - after.keys(),
    }
    if told := [f"{what} {', '.join(sorted(names))}" for what, names in changes.items() if names]:
        _log.warning("the API keys were read again: %s", "; ".join(told))


def _digests(keys: dict[str, str]) -> dict[str, bytes]:
    return {name: _digest(key.encode()) for name, key in keys.items()}


def _digest(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
