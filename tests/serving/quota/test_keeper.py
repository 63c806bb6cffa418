"""The book's process on a real cluster: killed at any time, it is back with every token in its place."""

import asyncio
import random
import time
from pathlib import Path
from typing import Any

import pytest

from z1ray.serving.quota import client
from z1ray.serving.quota.client import BookClient, sender
from z1ray.serving.quota.entries import Claim, Granted, Refused
from z1ray.serving.quota.keeper import end, keeper, name_of

pytestmark = pytest.mark.ray

NUM_REQUESTS = 1_500
NUM_OWNERS = 3
LIMITS = (None, 9_000)


async def load(path: str, kills: int) -> tuple[int, int]:
    """Requests of several owners, while the process is killed: what they were granted, and what they spent."""
    import ray

    owners = [BookClient(sender(path)) for _ in range(NUM_OWNERS)]
    rng, reserved, spent = random.Random(3), 0, 0

    async def one(number: int) -> None:
        nonlocal reserved, spent
        await asyncio.sleep(3 * rng.random())
        owner, written = owners[number % NUM_OWNERS], rng.randrange(11)
        offer = await owner.reserve(Claim(f"{number}", "alice", 10, LIMITS), lambda: (written, 0))
        if isinstance(offer, Granted):
            reserved, spent = reserved + offer.tokens, spent + written
            await owner.settle(f"{number}")

    async def killing() -> None:
        for _ in range(kills):
            await asyncio.sleep(0.5)
            ray.kill(keeper(path), no_restart=False)

    await asyncio.gather(killing(), *(one(number) for number in range(NUM_REQUESTS)))
    return reserved, spent


def test_killed_under_load_it_balances_to_the_token(
    ray_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it answered is on the disk, and what it had not answered is asked again and done once."""
    import ray

    # On a busy machine it takes a while until it has been started four times.
    monkeypatch.setattr(client, "_PATIENCE_S", 600.0)
    path = str(tmp_path / "quotas" / "book.sqlite")
    reserved, spent = asyncio.run(load(path, kills=3))
    sums = ray.get(keeper(path).balance.remote())
    assert (sums.reserved, sums.spent, sums.released, sums.open) == (reserved, spent, reserved - spent, 0)
    assert 0 < spent <= LIMITS[1]
    # Ended with its endpoint, and started with the next: the day goes on where it was.
    end(path)
    wait_until_gone(path)
    again: Any = keeper(path)
    assert ray.get(again.balance.remote("alice")) == sums
    asyncio.run(refused(path, LIMITS[1] - spent + 1))
    end(path)


def wait_until_gone(path: str) -> None:
    """Until Ray gives the name to another actor."""
    import ray

    deadline = time.monotonic() + 120
    while name_of(path) in {each["name"] for each in ray.util.list_named_actors(all_namespaces=True)}:
        assert time.monotonic() < deadline, "the book's process is still there"
        time.sleep(0.1)


async def refused(path: str, tokens: int) -> None:
    offer = await BookClient(sender(path)).reserve(Claim("last", "alice", tokens, LIMITS), lambda: (0, 0))
    assert isinstance(offer, Refused)
    assert offer.standing is not None
    assert offer.standing.left == tokens - 1
