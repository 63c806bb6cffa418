"""Replicas on a real cluster: clients are told of a full queue, load makes more of them and less makes fewer, and
one whose engine is killed takes nothing but its own streams along.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.serving.conftest import TINY, Served, engines
from z1ray.engine.config import EngineConfig
from z1ray.engine.tokens import text_token_ids
from z1ray.serving.app import build_app
from z1ray.serving.checks import client
from z1ray.serving.config import ServeConfig
from z1ray.window import CODE_HINT, WindowConfig

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

Ending = dict[str, Any] | str
"""The last choice of a stream, with ``num_tokens``, how many tokens all of it had; or the error it ended with."""

APP = "replicas"
DEPLOYMENT = f"WindowServer:{TINY}"
SLOTS = 4
ANSWER = 32
# More than one engine is to have, and long enough to outlast the start of another.
BUSY_CLIENTS, BUSY_BUDGET = 10, 1500
# What one engine does with ease; each client asks again as soon as it is answered.
CALM_CLIENTS, CALM_BUDGET = 4, 400
# One replica and the queue take on all busy clients and one more (6 each), but no crowd.
MAX_QUEUED, CROWD = 6, 60
PATIENCE_S = 600


@dataclass(frozen=True)
class Replicas:
    """An application whose one model may have two replicas, beside the one that all tests share."""

    api: openai.OpenAI
    hint_tokens: int

    def num(self, state: str) -> int:
        """Replicas in a state."""
        from ray import serve

        deployment = serve.status().applications[APP].deployments[DEPLOYMENT]
        return deployment.replica_states.get(state, 0)  # type: ignore[call-overload,no-any-return]

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until the replicas are as wanted."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, "the replicas did not become as expected"
            time.sleep(1)

    def stream(self, budget: int) -> Ending:
        """A run that no end token ends."""
        ending: dict[str, Any] = {"num_tokens": 0}
        try:
            with self.api.completions.create(
                model=TINY,
                prompt="Once",
                stream=True,
                max_tokens=budget + self.hint_tokens + ANSWER,
                extra_body={"thinking_budget": budget, "ignore_eos": True, "return_token_ids": True},
            ) as chunks:
                for choice in (choice.model_dump() for chunk in chunks for choice in chunk.choices):
                    ending = {**choice, "num_tokens": ending["num_tokens"] + len(choice.get("token_ids") or ())}
        except openai.APIError as error:
            return error.message
        return ending

    def require_whole(self, ending: Ending, budget: int) -> None:
        """The stream was cut at its budget, and nothing of it is missing."""
        assert isinstance(ending, dict), ending
        counts = {"thinking_tokens": budget, "hint_tokens": self.hint_tokens, "answer_tokens": ANSWER}
        assert ending["finish_reason"] == "length"
        assert ending["thinking"].items() >= {"budget": budget, "cut": True, **counts}.items()
        assert ending["num_tokens"] == sum(counts.values())

    @contextmanager
    def clients(self, number: int, budget: int) -> Iterator[list[Ending]]:
        """So many clients, each with one stream after the other; the last ones are read to their end, too."""
        endings: list[Ending] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                endings.append(self.stream(budget))

        with ThreadPoolExecutor(number) as pool:
            asking: list[Future[None]] = [pool.submit(ask) for _ in range(number)]
            try:
                yield endings
            finally:
                over.set()
        for each in asking:
            each.result()


@pytest.fixture(scope="module")
def replicas(served: Served, tiny_model: Path) -> Iterator[Replicas]:
    from ray import serve

    config = ServeConfig(
        models={TINY: str(tiny_model)},
        api_keys=served.config.api_keys,
        max_replicas=2,
        max_queued_requests=MAX_QUEUED,
        pending_tokens_per_replica=8 * BUSY_BUDGET,
        upscale_delay_s=1.0,
        downscale_delay_s=5.0,
        window=WindowConfig(default_budget=BUSY_BUDGET, answer_tokens=ANSWER),
        engine=EngineConfig(device="cpu", dtype="float32", max_num_seqs=SLOTS, enforce_eager=True),
    )
    serve.run(build_app(config), name=APP, route_prefix=f"/{APP}")
    address = served.manifest["address"].removesuffix("/v1")
    try:
        with client(f"{address}/{APP}", config.api_keys) as api:
            yield Replicas(api, len(text_token_ids(str(tiny_model), CODE_HINT)))
    finally:
        serve.delete(APP)


def test_a_full_queue_is_told_so(replicas: Replicas) -> None:
    """Without a limit a crowd waits for minutes and then times out; with one, clients know when to come again."""

    def ask(_: int) -> str | None:
        try:
            extra = {"thinking_budget": 100, "ignore_eos": True}
            replicas.api.completions.create(model=TINY, prompt="Once", max_tokens=130, extra_body=extra)
        except openai.RateLimitError as error:
            return f"{error.code}: {error.response.headers['Retry-After']}"
        return None

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(ask, range(CROWD)))
    assert set(answers) == {None, "queue_full: 1"}


def test_a_killed_engine_takes_only_its_own_streams_along(replicas: Replicas) -> None:
    """Load brings a second replica. Then the first one's streams end with a clear error; the others, and whole
    responses, go on as if nothing had been, and the endpoint becomes whole again.
    """
    (first,) = engines(APP)
    with replicas.clients(BUSY_CLIENTS, BUSY_BUDGET) as endings:
        replicas.wait(lambda: replicas.num("RUNNING") == 2)
        before = {engine.pid for engine in engines(APP)}
        with ThreadPoolExecutor(1) as pool:
            over = threading.Event()
            try:
                asking = pool.submit(ask_until, replicas.api, over)
                # The second one takes over what waited.
                time.sleep(3)
                first.kill()
                whole_again = lambda: (  # noqa: E731
                    replicas.num("RUNNING") == 2 and len({engine.pid for engine in engines(APP)} - before) == 1
                )
                replicas.wait(whole_again)
            finally:
                over.set()
            assert asking.result() > 5
    broken = [ending for ending in endings if isinstance(ending, str)]
    assert 0 < len(broken) < BUSY_CLIENTS
    assert all("the replica that had the request was lost" in message for message in broken), broken
    whole = [ending for ending in endings if not isinstance(ending, str)]
    assert len(whole) >= BUSY_CLIENTS
    for ending in whole:
        replicas.require_whole(ending, BUSY_BUDGET)


def ask_until(api: openai.OpenAI, over: threading.Event) -> int:
    """Whole responses, one after the other; the number of them."""
    num_answers = 0
    while not over.is_set():
        answer = api.completions.create(model=TINY, prompt="Once", extra_body={"thinking_budget": 8, "min_tokens": 8})
        assert answer.model_dump()["choices"][0]["thinking"]["cut"]
        num_answers += 1
    return num_answers


def test_less_load_drains_a_replica(replicas: Replicas) -> None:
    """Without draining the streams of the one that has to go break off."""
    began = time.time()
    with replicas.clients(BUSY_CLIENTS, BUSY_BUDGET) as busy:
        replicas.wait(lambda: replicas.num("RUNNING") == 2)
    with replicas.clients(CALM_CLIENTS, CALM_BUDGET) as calm:
        replicas.wait(lambda: replicas.num("RUNNING") == 1)
    replicas.wait(lambda: replicas.num("STOPPING") == 0)
    assert replicas.num("RUNNING") == 1
    assert max(drained(began)) >= 1, "no stream was on the replica that had to go"
    assert len(busy) >= BUSY_CLIENTS
    assert len(calm) >= CALM_CLIENTS
    for ending in busy:
        replicas.require_whole(ending, BUSY_BUDGET)
    for ending in calm:
        replicas.require_whole(ending, CALM_BUDGET)


def drained(since: float) -> list[int]:
    """Requests that replicas reported they were waiting for as they shut down, from their logs."""
    import ray

    node = ray._private.worker._global_node
    assert node is not None
    logs = Path(node.get_logs_dir_path()) / "serve"
    found = [path for path in logs.glob(f"*{APP}*{TINY}*") if path.stat().st_mtime >= since]
    return [int(count) for path in found for count in re.findall(r"shut down: (\d+) ongoing", path.read_text())]
