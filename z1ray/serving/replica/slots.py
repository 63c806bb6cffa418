"""Sequences, not requests, fill a replica: who may go to the engine, and who waits.

A request of 64 prompts and 32 choices each is 2,048 sequences. Ray Serve counts
it as one, and the engine takes them all at once, so that everybody else would wait
for all of them. Here a request goes on as soon as there is a free slot for its
first sequence, in the order of arrival, and the rest of its sequences count before
the next one goes on.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class QueueFull(Exception):
    """So many sequences wait already that a request's own have no place among them."""


class Slots:
    """The slots of one replica.

    Args:
        num_slots: Sequences that the engine is given at a time, apart from the rest of the last request that went on.
        max_waiting: Sequences that may wait.
    """

    def __init__(self, num_slots: int, max_waiting: int) -> None:
        self.num_slots = self._free = num_slots
        self._max_waiting = max_waiting
        self._num_waiting = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def num_running(self) -> int:
        """Sequences that have gone on and not ended."""
        return self.num_slots - self._free

    @property
    def load(self) -> float:
        """The share of the places to wait that is taken."""
        return self._num_waiting / self._max_waiting

    def limit(self, num_slots: int, max_waiting: int) -> None:
        """Have so many slots, and so many that may wait, from now on; who went on or waits already may stay."""
        self._free += num_slots - self.num_slots
        self.num_slots, self._max_waiting = num_slots, max_waiting
        self._next()

    async def take(self, num_sequences: int) -> "Held":
        """Wait until the request may go on.

        Raises:
            QueueFull: If it would have to wait and there is no room to.
        """
        if self._free > 0 and not self._waiting:
            self._free -= num_sequences
            return Held(self, num_sequences)
        if self._num_waiting + num_sequences > self._max_waiting:
            raise QueueFull
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, num_sequences))
        self._num_waiting += num_sequences
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self.give_back(num_sequences)  # its turn came in the same moment
            elif (turn, num_sequences) in self._waiting:
                self._waiting.remove((turn, num_sequences))
                self._num_waiting -= num_sequences
                self._next()
            raise
        return Held(self, num_sequences)

    def give_back(self, num_sequences: int) -> None:
        """So many sequences have ended."""
        self._free += num_sequences
        self._next()

    def _next(self) -> None:
        while self._waiting and self._free > 0:
            turn, num_sequences = self._waiting.popleft()
            self._num_waiting -= num_sequences
            if not turn.cancelled():
                self._free -= num_sequences
                turn.set_result(None)


class Held:
    """The slots of one request; a sequence that has ended gives back its own at once."""

    def __init__(self, slots: Slots, num_sequences: int) -> None:
        self._slots = slots
        self._left = num_sequences

    def ended(self) -> None:
        """One of the sequences has ended."""
        if self._left:
            self._left -= 1
            self._slots.give_back(1)

    @contextmanager
    def held(self) -> Iterator["Held"]:
        """However the block is left, all slots are given back."""
        try:
            yield self
        finally:
            left, self._left = self._left, 0
            self._slots.give_back(left)
