"""A request of many sequences fills as many slots as that many requests, and no slot is ever lost."""

import asyncio
import random

import pytest

from z1ray.serving.replica.slots import Held, QueueFull, Slots


def settled(task: "asyncio.Task[Held]") -> bool:
    return task.done() and not task.cancelled()


async def turns() -> None:
    """Let everybody do what they can do now."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_others_wait_for_sequences_not_for_requests() -> None:
    """Counted as one request, it would leave its neighbours behind all of its 40 sequences."""

    async def scenario() -> None:
        slots = Slots(16, max_waiting=100)
        many = await slots.take(40)
        one = asyncio.create_task(slots.take(1))
        for ended in range(25):
            await turns()
            assert not settled(one), ended
            many.ended()
        await turns()
        assert settled(one), "15 sequences are left for 16 slots"

    asyncio.run(scenario())


def test_who_came_first_goes_first() -> None:
    """A stream of small requests would otherwise keep a large one waiting for ever."""

    async def scenario() -> None:
        slots = Slots(2, max_waiting=100)
        first = await slots.take(2)
        large, small = asyncio.create_task(slots.take(50)), asyncio.create_task(slots.take(1))
        await turns()
        first.ended()
        await turns()
        assert settled(large)
        assert not settled(small)

    asyncio.run(scenario())


def test_sequences_fill_the_queue() -> None:
    """By requests it would hold any amount of work."""

    async def scenario() -> None:
        slots = Slots(1, max_waiting=8)
        await slots.take(1)
        waiting = asyncio.create_task(slots.take(6))
        await turns()
        with pytest.raises(QueueFull):
            await slots.take(3)
        asyncio.create_task(slots.take(2))  # noqa: RUF006
        await turns()
        with pytest.raises(QueueFull):
            await slots.take(1)
        waiting.cancel()
        await turns()
        asyncio.create_task(slots.take(6))  # noqa: RUF006

    asyncio.run(scenario())


def test_slots_change_while_they_are_taken() -> None:
    """An update of the endpoint may change them; requests that run or wait are neither lost nor counted twice."""

    async def scenario() -> None:
        slots = Slots(2, max_waiting=8)
        first = await slots.take(2)
        second, third = asyncio.create_task(slots.take(1)), asyncio.create_task(slots.take(1))
        await turns()
        assert not settled(second)
        slots.limit(3, max_waiting=0)
        await turns()
        assert settled(second)
        assert not settled(third)
        with pytest.raises(QueueFull):
            await slots.take(1)
        slots.limit(1, max_waiting=8)
        first.ended()
        first.ended()
        await turns()
        assert not settled(third), "the one slot is the second's"
        second.result().ended()
        await turns()
        assert settled(third)

    asyncio.run(scenario())


@pytest.mark.parametrize("seed", range(20))
def test_however_requests_end_all_slots_come_back(seed: int) -> None:
    """Clients leave while they wait, while they are served, and in the moment of their turn."""
    rng = random.Random(seed)

    async def request(slots: Slots) -> None:
        with (await slots.take(rng.randint(1, 9))).held() as mine:
            for _ in range(rng.randint(0, 12)):
                mine.ended()
                await asyncio.sleep(0)

    async def scenario() -> None:
        slots = Slots(4, max_waiting=10_000)
        tasks = [asyncio.create_task(request(slots)) for _ in range(200)]
        while not all(task.done() for task in tasks):
            rng.choice(tasks).cancel()
            await asyncio.sleep(0)
        assert vars(slots) == vars(Slots(4, max_waiting=10_000))

    asyncio.run(scenario())
