"""Real engines on a real cluster follow the load, 1 -> 2 -> 1, and no stream is dropped on the way down."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import psutil
import pytest

from tests.serving.conftest import Served, beside, engines
from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import text_token_ids
from z1ray.serving.config import ServeConfig
from z1ray.window import CODE_HINT, WindowConfig

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

Ending = dict[str, Any]
"""The last choice of a stream, and in ``num_tokens`` how many tokens all of it had."""

APP = "scaling"
MODEL = "tiny"
DEPLOYMENT = f"WindowServer:{MODEL}"
SLOTS = 4
ANSWER = 32
# More than one engine is to have, and long enough to outlast the start of another.
BUSY_CLIENTS, BUSY_BUDGET = 10, 1500
# What one engine does with ease, spread over both; each client asks again as soon as it is answered.
CALM_CLIENTS, CALM_BUDGET = 4, 1000
PATIENCE_S = 600
# Processor seconds within half a second of the clock: an engine that writes takes most of it.
WRITING_S = 0.05


@dataclass
class Scaled:
    """An application whose one model may have two replicas, beside the one that all tests share."""

    api: openai.OpenAI
    hint_tokens: int

    def replicas(self, state: str) -> int:
        """Replicas of the model that are in a state."""
        from ray import serve

        deployment = serve.status().applications[APP].deployments[DEPLOYMENT]
        return deployment.replica_states.get(state, 0)  # type: ignore[call-overload,no-any-return]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until the number of replicas is as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "the number of replicas did not change"
            time.sleep(0.5)

    def stream(self, budget: int, wanted: threading.Event) -> Ending:
        """A run that no end token ends; broken off once it is not wanted any more."""
        chunks = self.api.completions.create(
            model=MODEL,
            prompt="Once",
            stream=True,
            max_tokens=budget + self.hint_tokens + ANSWER,
            extra_body={"thinking_budget": budget, "ignore_eos": True, "return_token_ids": True},
        )
        ending: Ending = {"num_tokens": 0}
        with chunks:
            for chunk in chunks:
                for choice in chunk.choices:
                    last = choice.model_dump()
                    ending = {**last, "num_tokens": ending["num_tokens"] + len(last.get("token_ids") or ())}
                if not wanted.is_set():
                    break
        return ending


@pytest.fixture
def scaled(served: Served, tiny_model: Path) -> Iterator[Scaled]:
    config = ServeConfig(
        models={MODEL: str(tiny_model)},
        api_keys=served.config.api_keys,
        max_replicas=2,
        pending_tokens_per_replica=8 * BUSY_BUDGET,
        upscale_delay_s=1.0,
        downscale_delay_s=5.0,
        window=WindowConfig(default_budget=BUSY_BUDGET, answer_tokens=ANSWER),
        engine=EngineConfig(device="cpu", dtype="float32", max_num_seqs=SLOTS, enforce_eager=True),
    )
    with beside(served, APP, config) as api:
        yield Scaled(api, len(text_token_ids(str(tiny_model), CODE_HINT)))


def computing(engine: psutil.Process) -> float:
    """Processor seconds that an engine and its workers have taken; one that has nothing to write takes none."""
    try:
        return sum(sum(process.cpu_times()[:2]) for process in (engine, *engine.children()))
    except psutil.NoSuchProcess:
        return 0.0


def until_one_has_to_go(scaled: Scaled) -> int:
    """Wait for it; the engines that were writing shortly before."""
    seen = {engine: computing(engine) for engine in engines(APP)}
    at_work = 0

    def look() -> bool:
        nonlocal seen, at_work
        if scaled.replicas("STOPPING") == 1:
            return True
        now = {engine: computing(engine) for engine in seen}
        at_work = sum(now[engine] - seen[engine] > WRITING_S for engine in seen)
        seen = now
        return False

    scaled.wait(look)
    return at_work


def test_replicas_follow_the_load_and_drain(scaled: Scaled) -> None:
    """Without the policy one engine does all the work; without draining the streams of the second break off."""
    busy, calm, forever = threading.Event(), threading.Event(), threading.Event()
    for event in (busy, calm, forever):
        event.set()

    def load() -> None:
        while busy.is_set():
            scaled.stream(BUSY_BUDGET, wanted=busy)

    def ask() -> list[Ending]:
        endings = []
        while calm.is_set():
            endings.append(scaled.stream(CALM_BUDGET, wanted=forever))
        return endings

    with ThreadPoolExecutor(BUSY_CLIENTS) as clients:
        try:
            loading = [clients.submit(load) for _ in range(BUSY_CLIENTS)]
            scaled.wait(lambda: scaled.replicas("RUNNING") == 2)
            busy.clear()
            for ended in loading:
                ended.result()
            asking = [clients.submit(ask) for _ in range(CALM_CLIENTS)]
            at_work = until_one_has_to_go(scaled)
            calm.clear()
            endings = [ending for asked in asking for ending in asked.result()]
            scaled.wait(lambda: scaled.replicas("STOPPING") == 0)
            assert scaled.replicas("RUNNING") == 1
        finally:
            busy.clear()
            calm.clear()
    assert at_work == 2, "no stream was on the replica that had to go"
    counts = {"thinking_tokens": CALM_BUDGET, "hint_tokens": scaled.hint_tokens, "answer_tokens": ANSWER}
    assert len(endings) >= CALM_CLIENTS
    for ending in endings:
        assert ending["finish_reason"] == "length"
        assert ending["thinking"].items() >= {"budget": CALM_BUDGET, "cut": True, **counts}.items()
        assert ending["num_tokens"] == sum(counts.values())
