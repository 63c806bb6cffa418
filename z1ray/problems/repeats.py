"""Finding an id that comes twice among tens of millions, at 8 bytes an id."""

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
