"""A request at a replica whose slots are taken, with a deadline."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import pytest

from z1ray.serving.notes import Note
from z1ray.serving.replica.bounding import Arrival, Replica
from z1ray.serving.replica.slots import Slots
from z1ray.serving.replica.speed import Speed
from z1ray.serving.window.brownout import BrownOut
from z1ray.serving.window.deadline import DeadlineImpossible
from z1ray.serving.window.request import Prompts, WindowedModel, read_request
from z1ray.window import WindowConfig

HINT = (1, 2, 3)
MODEL = WindowedModel(
    WindowConfig(default_budget=64, answer_tokens=16), {"code": HINT, "math": HINT}, context=1024, max_runs=8
)
PROMPTS = Prompts("messages", num_tokens=10)


def arrival(fields: Mapping[str, Any], slots: Slots, token_s: float) -> Arrival:
    """A request that comes now to an engine of that speed."""
    speed = Speed(slots)
    speed.add_tokens(10 * token_s, 10, 1)
    replica = Replica(MODEL, BrownOut(begins=0.5, floor=8, asked=False, queue=100), slots, speed)
    return Arrival(read_request(fields, MODEL, PROMPTS), "max_tokens", PROMPTS, Note(), replica)


def test_a_deadline_that_passes_in_the_queue_ends_the_wait_and_gives_its_place_to_others():
    """Told only when its turn comes, its client would have waited for nothing."""

    async def scenario() -> float:
        slots = Slots(1, max_waiting=10)
        with (await slots.take(1)).held():
            began = time.monotonic()
            with pytest.raises(DeadlineImpossible) as told:
                await arrival({"deadline_s": 0.5}, slots, token_s=0.001).turn()
            waited_s = time.monotonic() - began
            assert told.value.earliest_s >= 0.5
            assert slots.load == 0
        assert slots.num_running == 0
        return waited_s

    assert asyncio.run(scenario()) >= 0.5


def test_a_deadline_that_holds_no_answer_does_not_wait_at_all():
    async def scenario() -> None:
        slots = Slots(1, max_waiting=10)
        with (await slots.take(1)).held(), pytest.raises(DeadlineImpossible):
            await arrival({"deadline_s": 0.5}, slots, token_s=1.0).turn()

    asyncio.run(scenario())


def test_without_a_deadline_it_waits_for_its_turn():
    async def scenario() -> None:
        slots = Slots(1, max_waiting=10)
        first = await slots.take(1)
        waiting = asyncio.create_task(arrival({}, slots, token_s=0.001).turn())
        await asyncio.sleep(0.1)
        assert not waiting.done()
        first.ended()
        with (await waiting).held():
            assert slots.num_running == 1
        assert slots.num_running == 0

    asyncio.run(scenario())
