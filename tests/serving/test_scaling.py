"""Real engines follow the load, 1 -> 2 -> 1; on the way a crowd comes, and one of them is killed: the rest goes on."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import psutil
import pytest

from tests.serving.books import settled
from tests.serving.conftest import KEYS, SMALL, TEAM, Changing, engines
from tests.serving.storm import ENDINGS, Storm
from z1ray.engine.tokens import text_token_ids
from z1ray.serving import endpoint
from z1ray.window import CODE_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

BUDGET, ANSWER = 1200, 16
# More tokens than one replica is to have pending, also while one of them has just been answered.
BUSY_CLIENTS, BUSY_CHOICES = 3, 4
# What one engine does with ease, spread over both; each client asks again as soon as it is answered. Short ones, so
# many that at any time some are with either.
CALM_CLIENTS, CALM_BUDGET = 8, 300
# Looks a second apart, and the processor seconds between the first and the last of them that tell an engine that
# writes: on a busy machine it gets few.
NUM_LOOKS, WRITING_S = 4, 0.05
TWO = {"RUNNING": 2}


@pytest.fixture(scope="module")
def api(changing: Changing) -> Iterator[openai.OpenAI]:
    with changing.client() as api:
        yield api


@pytest.fixture(scope="module")
def hint_tokens(changing: Changing) -> int:
    return len(text_token_ids(changing.config.models[SMALL], CODE_HINT))


def ask(api: openai.OpenAI, hint_tokens: int, budget: int = BUDGET, **fields: Any) -> Any:
    """A run of ``budget`` tokens of thinking that no end token ends."""
    limit = budget + hint_tokens + ANSWER
    extra = {"thinking_budget": budget, "ignore_eos": True, "return_token_ids": True}
    return api.completions.create(model=SMALL, prompt="Once", max_tokens=limit, extra_body=extra, **fields)


def stream(api: openai.OpenAI, hint_tokens: int) -> dict[str, Any] | str:
    """Its last chunk, and in ``num_tokens`` how many tokens all of them had; or the error it ended with."""
    last: dict[str, Any] = {"num_tokens": 0}
    try:
        with ask(api, hint_tokens, CALM_BUDGET, stream=True) as chunks:
            for chunk in chunks:
                choice = chunk.choices[0].model_dump()
                last = {**choice, "num_tokens": last["num_tokens"] + len(choice.get("token_ids") or ())}
    except openai.APIError as error:
        return error.message
    return last


def require_whole(ending: dict[str, Any] | str, hint_tokens: int) -> None:
    """A stream that was cut at its budget and wrote its answer."""
    assert isinstance(ending, dict), ending
    counts = {"thinking_tokens": CALM_BUDGET, "hint_tokens": hint_tokens, "answer_tokens": ANSWER}
    assert ending["finish_reason"] == "length"
    assert ending["thinking"].items() >= {"budget": CALM_BUDGET, "cut": True, **counts}.items()
    assert ending["num_tokens"] == sum(counts.values())


class Load:
    """Clients that call again and again until they are told to end.

    Attributes:
        seen: What they got.
    """

    def __init__(self, num_clients: int, call: Callable[[], Any]) -> None:
        self.seen: list[Any] = []
        self._over = threading.Event()
        self._clients = ThreadPoolExecutor(num_clients)
        self._calling = [self._clients.submit(self._repeat, call) for _ in range(num_clients)]

    def _repeat(self, call: Callable[[], Any]) -> None:
        while not self._over.is_set():
            self.seen.append(call())

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Return when the last calls have been answered; raises what one of them raised."""
        self._over.set()
        self._clients.shutdown()
        for each in self._calling:
            each.result()


@pytest.fixture(scope="module")
def busy(changing: Changing, api: openai.OpenAI, hint_tokens: int) -> Iterator[Load]:
    """Load for two replicas, and both of them up; a test may end it."""
    patient = api.with_options(max_retries=100)
    # Whole responses: each owes all of it until it ends, and costs next to nothing on the way.
    with Load(BUSY_CLIENTS, lambda: ask(patient, hint_tokens, n=BUSY_CHOICES)) as load:
        changing.wait(lambda: changing.replicas() == TWO)
        yield load


def test_a_crowd_is_told_that_the_queue_is_full(changing: Changing, api: openai.OpenAI, busy: Load) -> None:
    """Without a limit it waits for minutes and then times out; with one, clients know when to come again."""
    slots = changing.config.engine.max_num_seqs
    # More than two replicas take on, each a quarter more than its slots, and the queue holds.
    crowd = 2 * (slots + slots // 4) + changing.config.max_queued_requests + 30

    def asked(_: int) -> str | None:
        try:
            # Long enough that the first ones still run when the last one has asked, and asked once more.
            extra = {"thinking_budget": 600, "ignore_eos": True}
            api.completions.create(model=SMALL, prompt="Once", extra_body=extra)
        except openai.RateLimitError as error:
            return f"{error.code}: {error.response.headers['Retry-After']}"
        return None

    with ThreadPoolExecutor(crowd) as clients:
        answers = list(clients.map(asked, range(crowd)))
    assert set(answers) == {None, "queue_full: 1"}


def test_a_killed_engine_in_a_storm_costs_only_what_it_was_writing(
    changing: Changing, api: openai.OpenAI, busy: Load
) -> None:
    """A thousand requests of every kind, twice as many at a time as there are slots, and one of two engines killed.

    No answer is over its budget or empty, every refusal has its reason, and what the keys reserved is accounted for.
    """
    changing.wait(lambda: changing.replicas() == TWO)
    before = engines(TEAM)
    assert len(before) == 2
    slots = 2 * changing.config.engine.max_num_seqs
    storm = Storm(f"{endpoint.address(changing.config)}/v1", SMALL, KEYS, changing.config.window.default_budget)
    storm.blow(1000, 2 * slots, at=300, strike=before[0].kill)
    changing.wait(lambda: changing.replicas() == TWO and len({*engines(TEAM)} - {*before}) == 1)
    print("how they ended:", storm.seen)
    assert storm.seen.total() == 1000
    assert storm.seen.keys() <= ENDINGS
    # Without the other engine nobody would have been answered.
    assert storm.seen["whole"] > 100
    # No more were with one replica.
    assert storm.seen["lost"] <= slots // 2 + slots // 8
    sums = settled(changing.config, changing.output, "carol")
    assert sums.reserved == sums.spent + sums.released
    assert sums.spent > 0


def computing(engine: psutil.Process) -> float:
    """Processor seconds that an engine and its workers have taken; one that has nothing to write takes none."""
    try:
        return sum(sum(process.cpu_times()[:2]) for process in (engine, *engine.children()))
    except psutil.NoSuchProcess:
        return 0.0


def until_one_has_to_go(changing: Changing) -> int:
    """Wait for it; the engines that were writing shortly before."""
    looks = deque([{engine: computing(engine) for engine in engines(TEAM)}], maxlen=NUM_LOOKS)

    def look() -> bool:
        if changing.replicas().get("RUNNING") == 1:
            return True
        looks.append({engine: computing(engine) for engine in looks[0]})
        return False

    changing.wait(look)
    return sum(looks[-1][engine] - looks[0][engine] > WRITING_S for engine in looks[0])


def test_replicas_follow_the_load_and_drain(
    changing: Changing, api: openai.OpenAI, hint_tokens: int, busy: Load
) -> None:
    """Without the policy one engine does all the work; without draining the streams of the second break off."""
    with Load(CALM_CLIENTS, lambda: stream(api, hint_tokens)) as calm:
        busy.end()
        at_work = until_one_has_to_go(changing)
    changing.wait(lambda: changing.replicas() == {"RUNNING": 1})
    assert at_work == 2, "no stream was on the replica that had to go"
    assert len(calm.seen) >= CALM_CLIENTS
    for ending in calm.seen:
        require_whole(ending, hint_tokens)
