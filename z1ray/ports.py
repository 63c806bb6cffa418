"""Ports of this machine for servers that start a while after their port was chosen."""

import random
import socket
from collections.abc import Iterable

from z1ray.errors import UserError

# Ray gives its workers 10002 to 19999, Linux everything else that does not ask for a port 32768 to 60999: either may
# take a port there before the server that it was found for has started.
_RANGE = range(20_000, 32_768)


def free_port(*preferred: int) -> int:
    """The first of ``preferred`` that nobody listens on, else one that nobody takes by chance; for loopback.

    Raises:
        UserError: If there is none.
    """
    return _first_free((*preferred, *random.sample(_RANGE, len(_RANGE))))


def _first_free(candidates: Iterable[int]) -> int:
    for port in candidates:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise UserError("port", "any", "no port is free on the loopback interface", "stop something that listens")
