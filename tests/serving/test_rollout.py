"""An endpoint is changed under load: nobody notices, and a change that fails changes nothing."""

import dataclasses
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import openai
import pytest

from tests.serving.browser import chromium, open_page
from tests.serving.conftest import KEYS, SMALL, TEAM, Changing, engines
from z1ray.errors import UserError
from z1ray.serving import app, endpoint
from z1ray.serving.replica.deployment import llm_settings

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

NUM_STREAMS = 16
BUDGET = 200
# Between two answers of a client. The machine has engines to start beside the streams.
PAUSE_S = 1.0


@contextmanager
def streams(changing: Changing) -> Iterator[list[Any]]:
    """Sixteen clients that stream one answer after the other; what they got, each checked to be whole."""
    over, seen = threading.Event(), list[Any]()

    def ask_on_and_on(api: openai.OpenAI) -> None:
        while not over.is_set():
            try:
                seen.append(_stream(api))
            except (openai.OpenAIError, AssertionError) as failure:
                seen.append(failure)
            over.wait(PAUSE_S)

    with changing.client() as api, ThreadPoolExecutor(NUM_STREAMS) as clients:
        running = [clients.submit(ask_on_and_on, api) for _ in range(NUM_STREAMS)]
        try:
            yield seen
        finally:
            over.set()
        for each in running:
            each.result()


def _stream(api: openai.OpenAI) -> int:
    """The tokens of one whole answer that was cut at its budget."""
    extra = {"thinking_budget": BUDGET, "min_tokens": BUDGET, "return_token_ids": True}
    num_tokens, told = 0, None
    for event in api.completions.create(model=SMALL, prompt="Once", stream=True, extra_body=extra):
        assert "error" not in (event.model_extra or {}), event
        for choice in event.choices:
            num_tokens += len(getattr(choice, "token_ids", None) or [])
            told = getattr(choice, "thinking", None) or told
    assert told is not None
    assert (told["thinking_tokens"], told["cut"]) == (BUDGET, True)
    assert num_tokens == told["thinking_tokens"] + told["hint_tokens"] + told["answer_tokens"]
    return num_tokens


def require_whole(seen: list[Any]) -> None:
    """Every client has had an answer, and no answer was a failure."""
    failures = [each for each in seen if not isinstance(each, int)]
    assert not failures, failures[:3]
    assert len(seen) >= NUM_STREAMS


def default_budget(changing: Changing) -> int:
    """The budget of a request that names none."""
    with changing.client() as api:
        answer = api.completions.create(model=SMALL, prompt="Once")
    return int(answer.model_dump()["choices"][0]["thinking"]["budget"])


def pids() -> set[int]:
    return {engine.pid for engine in engines(TEAM)}


def only_engine(changing: Changing) -> set[int]:
    """The process of the endpoint's one engine, once another that a crowd called for has gone."""
    changing.wait(lambda: changing.replicas() == {"RUNNING": 1} and len(pids()) == 1)
    return pids()


def test_the_playground_works_below_a_path(changing: Changing) -> None:
    """Behind one address it used to be a 401; its page must find the endpoint it came from."""
    with chromium() as driver:
        open_page(driver, endpoint.address(changing.config), KEYS["alice"])
        assert [option.text for option in driver.find_elements("css selector", "#model option")] == [SMALL]


def test_a_crowd_that_there_are_slots_for_is_not_refused(changing: Changing) -> None:
    """Ray's queue counts what is just on its way to a free slot: of a crowd in one moment it refused some."""
    crowd = changing.config.engine.max_num_seqs
    assert crowd > changing.config.max_queued_requests
    together = threading.Barrier(crowd)

    def ask(_: int) -> int:
        together.wait()
        return len(api.completions.create(model=SMALL, prompt="Once", max_tokens=20).choices)

    with changing.client() as api, ThreadPoolExecutor(crowd) as clients:
        assert list(clients.map(ask, range(crowd))) == [1] * crowd


def test_window_settings_reach_running_engines(changing: Changing) -> None:
    """They used to cost an outage; they now cost a light process, and no stream."""
    before = only_engine(changing)
    with streams(changing) as seen:
        changing.change(window=dataclasses.replace(changing.config.window, default_budget=40))
    require_whole(seen)
    assert default_budget(changing) == 40
    assert pids() >= before


def test_an_update_whose_engine_enforces_no_cap_changes_nothing(
    changing: Changing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine ignores arguments that nobody asked for, so without the proof every budget would be taken and dropped.

    And an update that failed used to end with no endpoint at all; the old one is not even interrupted.
    """

    def without_the_enforcer(*given: Any) -> dict[str, Any]:
        settings = llm_settings(*given)
        del settings["engine_kwargs"]["logits_processors"]
        settings["deployment_config"]["max_constructor_retry_count"] = 1
        return settings

    monkeypatch.setattr(app, "llm_settings", without_the_enforcer)
    before, budget = only_engine(changing), default_budget(changing)
    manifest = (changing.output / "manifest.json").read_text()
    with streams(changing) as seen, pytest.raises(UserError, match="did not start") as failed:
        changing.change(window=dataclasses.replace(changing.config.window, default_budget=7))
    assert failed.value.field == "serve.models"
    assert "CapUnproven: thinking budget 2 was to cut the first run" in failed.value.problem
    require_whole(seen)
    assert (changing.output / "manifest.json").read_text() == manifest
    assert only_engine(changing) == before
    assert default_budget(changing) == budget


def test_an_engine_is_replaced_under_streams_and_none_is_lost(changing: Changing) -> None:
    """The new one starts beside the old one, which ends when its streams have ended: at no time is there none."""
    before = only_engine(changing)
    with streams(changing) as seen:
        changing.change(stream_interval=64)
    require_whole(seen)
    # The process of a replica outlives it for a moment.
    changing.wait(lambda: not pids() & before)
    assert pids()
