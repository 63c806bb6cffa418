"""What bounds the windows of one replica's requests: its load, and their deadlines at the speed it has."""

import asyncio
import time
from dataclasses import dataclass

from z1ray.serving.notes import Note
from z1ray.serving.replica.slots import Held, Slots
from z1ray.serving.replica.speed import Speed
from z1ray.serving.window.bounds import DEADLINE, Bound, bound
from z1ray.serving.window.brownout import BrownOut, brown_out
from z1ray.serving.window.deadline import DeadlineImpossible, Pace, fit
from z1ray.serving.window.request import Prompts, WindowedModel, WindowRequest


@dataclass(frozen=True, slots=True)
class Replica:
    """What a request's bounds depend on beside the request.

    Attributes:
        model: Its model.
        brown_out: How budgets shrink under load.
        slots: Who runs and who waits here.
        speed: How fast the engine is.
    """

    model: WindowedModel
    brown_out: BrownOut
    slots: Slots
    speed: Speed


class Arrival:
    """A request that has come to a replica.

    Args:
        wanted: The request as it would run if nothing else bounded it.
        limit: The field that limits its tokens.
        prompts: Its prompts.
        note: Its way here.
        replica: Where it came to.
    """

    def __init__(self, wanted: WindowRequest, limit: str, prompts: Prompts, note: Note, replica: Replica) -> None:
        self.wanted, self.limit = wanted, limit
        self._prompts, self._replica = prompts, replica
        self._arrived = time.monotonic() - note.waited_s
        # Sequences wait in two places, before a replica and in it.
        self._load = max(note.queued / replica.brown_out.queue, replica.slots.load)

    @property
    def prompt_tokens(self) -> int | None:
        """Tokens of its prompts, each as long as the longest; None if they were not counted."""
        longest = self._prompts.num_tokens
        return None if longest is None else longest * self._prompts.count

    async def turn(self) -> Held:
        """Wait for its slots; a deadline that holds no answer ends the wait, or is refused before it.

        Raises:
            DeadlineImpossible: If its deadline holds no answer, or passes before its turn comes.
            QueueFull: If too many wait already.
        """
        num_runs = self.wanted.num_runs
        self.bounded(num_runs)
        ends = None if self.wanted.deadline_s is None else self._arrived + self.wanted.deadline_s
        try:
            async with asyncio.timeout_at(ends):
                return await self._replica.slots.take(num_runs)
        except TimeoutError:
            self._fit(self._replica.speed.pace(num_runs) or Pace(0.0))
            raise

    def bounded(self, num_more: int) -> WindowRequest:
        """The request as it would run if it went to the engine now.

        Args:
            num_more: Those of its sequences that do not count as running yet.

        Raises:
            DeadlineImpossible: If its deadline holds no answer.
        """
        bounds = [each for each in (self._deadline(num_more), self._brown_out()) if each is not None]
        return bound(self.wanted, bounds, self._replica.model.config, self._room())

    def _deadline(self, num_more: int) -> Bound | None:
        pace = self._replica.speed.pace(num_more)
        if self.wanted.deadline_s is None or pace is None:
            return None
        try:
            return self._fit(pace)
        except DeadlineImpossible:
            if (best := self._replica.speed.best(num_more)) is None:
                raise
            self._fit(best)
            return Bound(0, DEADLINE)

    def _fit(self, pace: Pace) -> Bound:
        waited_s = time.monotonic() - self._arrived
        return fit(self.wanted, waited_s, pace, self.prompt_tokens or 0, self._replica.model.config.answer_tokens)

    def _brown_out(self) -> Bound | None:
        replica = self._replica
        most = self.wanted.window.max_tokens or self._room() or replica.model.context
        return brown_out(self.wanted, replica.brown_out, self._load, most)

    def _room(self) -> int | None:
        return self._prompts.room(self._replica.model.context)
