"""Finding an id that comes twice among tens of millions, at 8 bytes an id; at up to 32 where it is told at once."""

from array import array
from collections.abc import Iterable

import numpy as np

from z1ray.errors import UserError


class Repeats:
    """Remembers a 64-bit hash of every id it is shown."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def note(self, id_: str) -> None:
        """Remember one id."""
        self._hashes.append(hash(id_))

    def refuse(self, again: Iterable[str], field: str) -> None:
        """Raise if an id came twice.

        Args:
            again: All ids anew; read only where two hashes are equal, to name the id, or to
                find that two different ids share a hash (3 runs in a million with 10^7 ids).
            field: What the ids are, for the error.

        Raises:
            UserError: Naming the first id that comes twice.
        """
        hashes = np.sort(np.frombuffer(self._hashes, np.int64))
        twice = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
        if not twice:
            return
        seen: set[str] = set()
        for id_ in again:
            if hash(id_) not in twice:
                continue
            if id_ in seen:
                raise UserError(
                    field,
                    id_,
                    "two rows have this id",
                    "give one of the sources its own `name`, or make the ids in the source unique",
                )
            seen.add(id_)


class Seen:
    """A set of 64-bit hashes in one array: a Python set would take 80 bytes for each."""

    def __init__(self) -> None:
        self._table = array("q", bytes(8 << 10))
        self._num = 0

    def add(self, key: object) -> bool:
        """Remember a key; False if it, or one of the same hash, was there."""
        if not _put(self._table, hash(key) or 1):  # 0 marks a free slot
            return False
        self._num += 1
        if 2 * self._num > len(self._table):
            larger = array("q", bytes(16 * len(self._table)))
            for number in self._table:
                if number:
                    _put(larger, number)
            self._table = larger
        return True


def _put(table: "array[int]", number: int) -> bool:
    mask = len(table) - 1
    slot = number & mask
    while table[slot]:
        if table[slot] == number:
            return False
        slot = (slot + 1) & mask
    table[slot] = number
    return True
