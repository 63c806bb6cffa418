"""The load of a replica: exact while requests run, nothing once they are gone."""

from collections.abc import Iterator

import pytest

from z1ray.serving.replica.pending import PendingTokens, most_tokens
from z1ray.window import NO_CAP, Window

HINT = (5, 6)
CAPPED = Window(100, HINT, 150)


@pytest.mark.parametrize(
    ("window", "owed"),
    [
        (CAPPED, 150),
        (Window(0, HINT, 50), 50),
        (Window(NO_CAP, HINT, 300), 300),
        (Window(NO_CAP, HINT, None), 1024),
        (Window(NO_CAP, HINT, 4000), 1024),
    ],
)
def test_a_run_owes_the_most_it_can_write(window: Window, owed: int) -> None:
    """Less would start replicas too late; a model that answers without thinking is as busy."""
    assert most_tokens(window, context=1024) == owed


def test_debt_falls_with_every_token_and_never_below_nothing() -> None:
    """A run that writes its answer pays no other run's debt."""
    pending = PendingTokens(context=1024)
    with pending.request(CAPPED, 3) as debt:
        assert (pending.tokens, pending.num_runs) == (450, 3)
        debt.paid(0, 40)
        debt.paid(1, 180)
        assert pending.tokens == 110 + 0 + 150
        debt.cancelled(2)
        debt.paid(2, 5)
        assert (pending.tokens, pending.num_runs) == (110, 2)
        with pending.request(Window(7, HINT, 20), 1):
            assert (pending.tokens, pending.num_requests, pending.num_runs) == (130, 2, 3)
    assert (pending.tokens, pending.num_requests, pending.num_runs) == (0, 0, 0)


def streamed(pending: PendingTokens, fails: bool) -> Iterator[int]:
    with pending.request(CAPPED, 1) as debt:
        for token in range(10):
            debt.paid(0, 1)
            yield token
            if fails and token == 3:
                raise RuntimeError("the engine is gone")


@pytest.mark.parametrize("ending", ["closed", "failed"])
def test_a_request_that_breaks_off_leaves_no_debt(ending: str) -> None:
    """A leak would keep replicas running for ever, or start ever more of them."""
    pending = PendingTokens(context=1024)
    stream = streamed(pending, fails=ending == "failed")
    assert [next(stream) for _ in range(4)] == [0, 1, 2, 3]
    assert pending.tokens == 146
    if ending == "closed":
        stream.close()  # type: ignore[attr-defined]
    else:
        with pytest.raises(RuntimeError):
            next(stream)
    assert (pending.tokens, pending.num_requests) == (0, 0)
