"""A replica's side: whatever is lost on the way, who asks gets one answer, and the book balances."""

import asyncio
import random
from collections.abc import Callable

import pytest

from z1ray.serving.quota import client as clients
from z1ray.serving.quota.batches import Answers, Batch
from z1ray.serving.quota.book import Book
from z1ray.serving.quota.client import BookClient, BookLost, BookUnreachable
from z1ray.serving.quota.entries import Claim, Granted

LIMITS = (10**9, None)


class Line:
    """A book behind a line that loses some batches on the way there, and some answers on the way back."""

    def __init__(self, lost_share: float) -> None:
        self.book = Book()
        self.num_batches = self.num_lost = 0
        self._rng, self._lost_share = random.Random(5), lost_share

    async def send(self, batch: Batch) -> Answers:
        """As the book's actor does it, if it gets there."""
        self.num_batches += 1
        await asyncio.sleep(0)
        self._lose()
        now = float(self.num_batches)
        self.book.report(batch.owner, batch.written, now)
        answers: Answers = []
        for each in batch.operations:
            if isinstance(each, Claim):
                answers.append(self.book.reserve(each, batch.owner, now))
            else:
                self.book.settle(*each, now)
                answers.append(None)
        self._lose()
        return answers

    def _lose(self) -> None:
        if self._rng.random() < self._lost_share:
            self.num_lost += 1
            raise BookLost


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "_RETRY_S", 0.0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.001)


def test_lost_batches_and_clients_neither_double_nor_lose_a_token() -> None:
    """A third of all batches or answers is lost, and a third of the clients leaves while it waits."""

    async def scenario() -> None:
        line, spent = Line(1 / 3), 0
        client = BookClient(line.send)

        async def one(number: int) -> None:
            nonlocal spent
            offer = await client.reserve(Claim(f"{number}", "alice", 10, LIMITS), lambda: (number % 11, 0))
            assert isinstance(offer, Granted)
            spent += number % 11
            await client.settle(f"{number}")

        rng, leaving, tasks = random.Random(7), list[asyncio.Task[None]](), list[asyncio.Task[None]]()
        for number in range(600):
            tasks.append(asyncio.create_task(one(number)))
            if number % 3 == 0:
                leaving.append(tasks[-1])
            for _ in range(rng.randrange(4)):
                await asyncio.sleep(0)
            if rng.random() < 1 / 3 and leaving:
                leaving.pop(0).cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: not line.book.balance().open and client._sender is None)
        sums = line.book.balance()
        assert sums.reserved == sums.spent + sums.released
        assert sums.spent == spent
        assert any(isinstance(each, asyncio.CancelledError) for each in ended)
        assert line.num_lost > 20
        assert line.num_batches < 600, "what comes at a time goes together"

    asyncio.run(scenario())


def test_running_requests_are_reported_and_then_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The book gives up who is silent, and holds against a dead replica what it last reported."""
    monkeypatch.setattr(clients, "_REPORT_EVERY_S", 0.01)

    async def scenario() -> None:
        line, written = Line(0.0), [0]
        client = BookClient(line.send)
        await client.reserve(Claim("1", "alice", 100, LIMITS), lambda: (written[0], 0))
        before = line.num_batches
        written[0] = 40
        await until(lambda: line.num_batches > before + 3)
        line.book.owner_died(client.owner)
        assert line.book.balance().spent == 40
        await client.settle("1")
        await asyncio.sleep(0.05)
        before = line.num_batches
        await asyncio.sleep(0.05)
        assert line.num_batches == before

    asyncio.run(scenario())


def test_without_an_answer_nothing_is_reserved(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota that cannot be looked up lets nobody through, and what the book hears later is taken back."""
    monkeypatch.setattr(clients, "_PATIENCE_S", 0.05)

    async def scenario() -> None:
        line = Line(1.0)
        client = BookClient(line.send)
        with pytest.raises(BookUnreachable):
            await client.reserve(Claim("1", "alice", 100, LIMITS), lambda: (0, 0))
        line._lost_share = 0.0
        await until(lambda: client._sender is None)
        sums = line.book.balance()
        assert (sums.open, sums.spent) == (0, 0)

    asyncio.run(scenario())
