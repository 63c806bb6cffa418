"""Budgets on the real endpoint that something else than the client bounds: a deadline, the load."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest

from tests.serving.chats import ask, ask_stream
from tests.serving.conftest import TINY, Served

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

LONG: dict[str, Any] = {"thinking_budget": 500, "ignore_eos": True}
CROWD, CHOICES = 16, 16
# Others may take the machine, or give it back, between the moment when its speed is measured and the request.
ATTEMPTS = 20


def usual_s(served: Served) -> float:
    """Seconds that a run of 500 tokens of thinking and its answer takes now; by it the endpoint knows its speed."""
    ask_stream(served, **LONG)
    began = time.monotonic()
    ask_stream(served, **LONG)
    return time.monotonic() - began


def tight_s(served: Served) -> float:
    """A deadline that holds an answer but not the whole run, even if the machine becomes thrice as slow or fast."""
    return usual_s(served) / 3


def test_a_deadline_lowers_the_budget_and_is_kept(served: Served) -> None:
    """An asked budget too: whoever names both wants the answer in time."""

    def kept() -> bool:
        deadline_s = tight_s(served)
        began = time.monotonic()
        try:
            thinking = ask(served, **LONG, deadline_s=deadline_s)["choices"][0]["thinking"]
        except openai.RateLimitError:
            return False
        took = time.monotonic() - began
        assert thinking["thinking_tokens"] == thinking["budget"]
        assert thinking["answer_tokens"] == served.config.window.answer_tokens
        lowered = thinking["bounded_by"] == "deadline" and 0 < thinking["budget"] < LONG["thinking_budget"]
        return lowered and took <= deadline_s

    assert any(kept() for _ in range(ATTEMPTS))


def test_a_stream_tells_what_bounded_it_in_its_last_chunk(served: Served) -> None:
    """A deadline far away bounds nothing."""

    def told(deadline_s: float) -> list[str]:
        chunks = ask_stream(served, **LONG, deadline_s=deadline_s)
        choices = [choice for chunk in chunks for choice in chunk["choices"]]
        return [choice["thinking"]["bounded_by"] for choice in choices if "thinking" in choice]

    def lowered() -> bool:
        try:
            return told(tight_s(served)) == ["deadline"]
        except openai.RateLimitError:
            return False

    assert any(lowered() for _ in range(ATTEMPTS))
    assert told(10_000.0) == ["asked"]


@pytest.mark.parametrize("stream", [False, True])
def test_a_deadline_that_holds_no_answer_is_a_429_with_the_earliest_time(served: Served, stream: bool) -> None:
    """Before any work, in OpenAI's shape, and not to be mistaken for a full queue."""
    ask_stream(served, **LONG)  # by which the endpoint knows its speed
    with pytest.raises(openai.RateLimitError, match="the earliest possible is") as caught:
        ask(served, deadline_s=0.001, stream=stream)
    assert (caught.value.code, caught.value.param) == ("deadline_impossible", "deadline_s")
    assert int(caught.value.response.headers["retry-after"]) >= 1


def test_default_budgets_shrink_before_anybody_is_refused(served: Served) -> None:
    """A crowd that takes most of the queue is answered to the last, who thinks least; what was asked for is kept."""

    def choice(number: int) -> dict[str, Any]:
        asked = {"thinking_budget": 24} if number % 4 == 0 else {}
        answer = ask(served, model=TINY, n=CHOICES, seed=number, ignore_eos=True, temperature=1.0, **asked)
        return dict(answer["choices"][0]["thinking"])

    with ThreadPoolExecutor(CROWD) as clients:
        told = list(clients.map(choice, range(CROWD)))
    assert {each["bounded_by"] for each in told[::4]} == {"asked"}
    lowered = [each["budget"] for each in told if each["bounded_by"] == "load"]
    assert lowered
    assert all(budget < served.config.window.default_budget for budget in lowered)
    assert {each["budget"] for each in told if each["bounded_by"] in ("asked", "default")} == {24}
