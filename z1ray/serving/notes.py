"""What the ingress notes on a request for the replica that gets it: when it came, and how many waited before it.

The replica itself sees a request only once Ray Serve's queue has let it through. Times
are wall clock, so the nodes of a cluster should agree on it.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ARRIVED_HEADER = "x-z1ray-arrived"
QUEUED_HEADER = "x-z1ray-queued"

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Note:
    """A request's way to its replica.

    Attributes:
        waited_s: Seconds from its arrival at the endpoint until now.
        queued: Requests for the same model that waited in Serve's queue when it came.
    """

    waited_s: float = 0.0
    queued: int = 0


def with_note(headers: Iterable[tuple[bytes, bytes]], queued: int) -> Headers:
    """A request's headers with a note that it has come just now, in place of any that the client made up."""
    ours = {ARRIVED_HEADER.encode(): str(time.time()).encode(), QUEUED_HEADER.encode(): str(queued).encode()}
    return [*((name, value) for name, value in headers if name.lower() not in ours), *ours.items()]


def read_note(headers: Mapping[str, str]) -> Note:
    """The note in a request's headers; a request without one has come from inside, just now."""
    if ARRIVED_HEADER not in headers:
        return Note()
    # Clocks of two nodes may differ a little.
    waited_s = max(0.0, time.time() - float(headers[ARRIVED_HEADER]))
    return Note(waited_s, int(headers[QUEUED_HEADER]))
