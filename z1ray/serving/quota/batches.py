"""What owners send to the book: claims and settlements in their order, many at a time."""

from typing import NamedTuple

from z1ray.serving.quota.entries import Claim, Granted, Refused


class Settlement(NamedTuple):
    """A reservation ends: what was written of it, and how much of that was thinking."""

    id: str
    spent: int
    thought: int


class Batch(NamedTuple):
    """What one owner has to say; sent twice, it counts once.

    Attributes:
        owner: Whose it is.
        operations: In their order.
        written: What its open reservations spent and thought so far, as far as it is told now.
    """

    owner: str
    operations: tuple[Claim | Settlement, ...]
    written: dict[str, tuple[int, int]]


# To each operation; a settlement has none.
Answers = list[Granted | Refused | None]
