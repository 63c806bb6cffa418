"""An endpoint is ready when each model has a replica that answers, or is too busy to."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import ActorDiedError
from ray.serve.exceptions import BackPressureError

from z1ray.serving.http import readiness
from z1ray.serving.http.readiness import Readiness

Answer = Callable[[], Awaitable[None]]


class Asked:
    """The answer of a replica, as Ray's handles give it: to wait for, or to cancel."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def __await__(self) -> Any:
        return self._answer().__await__()

    def cancel(self) -> None:
        """Nobody waits any more."""


def handle(answer: Answer) -> Any:
    """A deployment whose replica answers so; ``asked`` counts."""
    made = SimpleNamespace(deployment_name="model", asked=0)

    def remote() -> Asked:
        made.asked += 1
        return Asked(answer)

    made.check_health = SimpleNamespace(remote=remote)
    return made


async def well() -> None:
    """The engine is well."""


async def full() -> None:
    """Its queue is."""
    raise BackPressureError(num_queued_requests=1, max_queued_requests=1)


async def dead() -> None:
    """The replica is."""
    raise ActorDiedError


async def silent() -> None:
    """Neither."""
    await asyncio.sleep(3600)


@pytest.mark.parametrize(
    ("answers", "runs", "status"),
    [
        ((well, well), False, 200),
        ((well, full), False, 200),  # an overloaded endpoint must not be taken out of service for it
        ((silent,), True, 200),
        ((silent,), False, 503),
        ((well, dead), True, 503),
    ],
)
def test_every_model_must_have_a_replica(
    monkeypatch: pytest.MonkeyPatch, answers: tuple[Answer, ...], runs: bool, status: int
) -> None:
    """The proxy alone is well while no engine is; a load balancer would send requests into the void."""
    monkeypatch.setattr(readiness, "_PATIENCE_S", 0.01)
    monkeypatch.setattr(readiness, "_runs", lambda _: runs)
    models = {f"model-{number}": handle(answer) for number, answer in enumerate(answers)}
    answer = asyncio.run(Readiness(models).respond())
    assert answer.status_code == status
    assert b"model-" not in answer.body


def test_a_crowd_that_asks_costs_one_question() -> None:
    """The path is open to everyone."""
    model = handle(well)

    async def crowd() -> None:
        ready = Readiness({"model": model})
        await asyncio.gather(*(ready.respond() for _ in range(100)))

    asyncio.run(crowd())
    assert model.asked == 1
