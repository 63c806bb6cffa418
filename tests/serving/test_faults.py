"""More load than there is room for, and an engine that is killed under it: clients are told, the rest goes on."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.serving.conftest import TINY, Served, beside, engines
from z1ray.engine.config import EngineConfig
from z1ray.serving.config import ServeConfig
from z1ray.window import WindowConfig

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

APP = "faults"
DEPLOYMENT = f"WindowServer:{TINY}"
NUM_STREAMS = 8
MAX_QUEUED = 6
# More than two replicas take on (12 each) and the queue holds.
CROWD = 60
BUDGET, MAX_TOKENS = 1200, 1230
PATIENCE_S = 600


@pytest.fixture(scope="module")
def pair(served: Served, tiny_model: Path) -> Iterator[openai.OpenAI]:
    """A client of a model with two replicas, in an application beside the one that all tests share."""
    config = ServeConfig(
        models={TINY: str(tiny_model)},
        api_keys=served.config.api_keys,
        max_replicas=2,
        max_queued_requests=MAX_QUEUED,
        window=WindowConfig(default_budget=64, answer_tokens=16),
        engine=EngineConfig(device="cpu", dtype="float32", replicas=2, max_num_seqs=8, enforce_eager=True),
    )
    with beside(served, APP, config) as api:
        yield api


def test_a_full_queue_is_told_so(pair: openai.OpenAI) -> None:
    """Without a limit a crowd waits for minutes and then times out; with one, clients know when to come again."""

    def ask(_: int) -> str | None:
        try:
            extra = {"thinking_budget": 100, "ignore_eos": True}
            pair.completions.create(model=TINY, prompt="Once", max_tokens=130, extra_body=extra)
        except openai.RateLimitError as error:
            return f"{error.code}: {error.response.headers['Retry-After']}"
        return None

    with ThreadPoolExecutor(CROWD) as clients:
        answers = list(clients.map(ask, range(CROWD)))
    assert set(answers) == {None, "queue_full: 1"}


def long_stream(api: openai.OpenAI, begun: threading.Semaphore) -> dict[str, Any] | str:
    """The last choice of a stream that takes a while, or the error it ended with."""
    extra = {"thinking_budget": BUDGET, "ignore_eos": True}
    last: dict[str, Any] = {}
    try:
        with api.completions.create(
            model=TINY, prompt="Once", stream=True, max_tokens=MAX_TOKENS, extra_body=extra
        ) as chunks:
            for number, chunk in enumerate(chunks):
                last = chunk.choices[0].model_dump()
                if number == 0:
                    begun.release()
    except openai.APIError as error:
        return error.message
    return last


def ask_until(api: openai.OpenAI, over: threading.Event) -> int:
    """Whole responses, one after the other; the number of them."""
    num_answers = 0
    while not over.is_set():
        answer = api.completions.create(model=TINY, prompt="Once", extra_body={"thinking_budget": 8, "min_tokens": 8})
        assert answer.model_dump()["choices"][0]["thinking"]["cut"]
        num_answers += 1
    return num_answers


def wait_until_whole(before: set[int]) -> None:
    """Two replicas run, one of them with an engine that was not there before."""
    from ray import serve

    deadline = time.monotonic() + PATIENCE_S
    while True:
        states = serve.status().applications[APP].deployments[DEPLOYMENT].replica_states
        if states == {"RUNNING": 2} and len({engine.pid for engine in engines(APP)} - before) == 1:
            return
        assert time.monotonic() < deadline, f"the endpoint is not whole again: {states}"
        time.sleep(2)


def test_a_killed_engine_takes_only_its_own_streams_along(pair: openai.OpenAI) -> None:
    """Half of the streams end with a clear error; the others, and whole responses, go on as if nothing had been."""
    before = engines(APP)
    assert len(before) == 2
    begun, over = threading.Semaphore(0), threading.Event()
    with ThreadPoolExecutor(NUM_STREAMS + 1) as clients:
        try:
            asking = clients.submit(ask_until, pair, over)
            streams = [clients.submit(long_stream, pair, begun) for _ in range(NUM_STREAMS)]
            for _ in streams:
                assert begun.acquire(timeout=180)
            before[0].kill()
            endings = [stream.result() for stream in streams]
            wait_until_whole({engine.pid for engine in before})
        finally:
            over.set()
        assert asking.result() > 5
    broken = [ending for ending in endings if isinstance(ending, str)]
    whole = [ending for ending in endings if not isinstance(ending, str)]
    assert broken
    assert whole
    assert all("the replica that had the request was lost" in message for message in broken), broken
    for ending in whole:
        assert ending["finish_reason"] == "length"
        assert ending["thinking"]["thinking_tokens"] == BUDGET
    assert pair.completions.create(model=TINY, prompt="Once", max_tokens=80).choices[0].text
