"""Streams of the real endpoint: the same as whole responses, and over when their client goes."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.serving.chats import LONG, ask, ask_stream, request
from tests.serving.conftest import APP, MODEL, TINY, Served, engines
from z1ray.engine.tokens import tokenizer
from z1ray.window import CODE_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

# Chunks that a client reads before it goes, of eight tokens each but for the first.
NUM_READ = 8


@pytest.mark.parametrize(
    "fields",
    [
        {"thinking_budget": 7},
        {"thinking_budget": 60, "max_tokens": 80},
        {"thinking_budget": 40, "stop": ["overthought", "never"]},
        {"thinking_budget": 9, "n": 2, "seed": 5, "temperature": 1.0},
        {"thinking_budget": 6, "grace": 1.0},
    ],
)
def test_a_stream_says_the_same_as_a_whole_response(served: Served, fields: dict[str, Any]) -> None:
    """Content to the byte, the thinking object in the last chunk, usage when asked for, no token ids."""
    whole = ask(served, **fields)
    chunks = ask_stream(served, **fields)
    for expected in whole["choices"]:
        choices = [c for chunk in chunks for c in chunk["choices"] if c["index"] == expected["index"]]
        assert "".join(c["delta"]["content"] or "" for c in choices) == expected["message"]["content"]
        assert [c["thinking"] for c in choices if "thinking" in c] == [expected["thinking"]]
        assert choices[-1]["finish_reason"] == expected["finish_reason"]
        assert not any("token_ids" in c for c in choices)
        # What an engine writes while its chunk is on the way, on a busy machine, goes into the next one.
        assert sum(bool(c["delta"]["content"]) for c in choices) > 1, "the stream came in one piece"
    assert chunks[-1]["usage"]["completion_tokens"] == whole["usage"]["completion_tokens"]
    assert (
        chunks[-1]["usage"]["completion_tokens_details"]["reasoning_tokens"]
        == whole["usage"]["completion_tokens_details"]["reasoning_tokens"]
    )


def test_a_cut_splits_no_character(served: Served) -> None:
    """Emojis are several tokens; wherever the budget falls, clients get whole ones, streamed or not."""
    budgets = range(1, 7)
    with ThreadPoolExecutor(len(budgets)) as clients:
        splits = list(clients.map(lambda budget: splits_character(served, budget), budgets))
    assert any(splits), "no budget fell into a character"


def splits_character(served: Served, budget: int) -> bool:
    """Whether a budget falls into a character; whether or not, the text is whole, and that of the stream too."""
    fields: Any = {"model": MODEL, "prompt": "🙂🙃🙂🙃🙂🙃🙂🙃🙂🙃", "temperature": 0.0}
    extra = {"thinking_budget": budget, "return_token_ids": True, "max_tokens": budget + 16}
    whole = served.api.completions.create(**fields, extra_body=extra).model_dump()["choices"][0]
    chunks = served.api.completions.create(**fields, extra_body=extra, stream=True)
    assert "".join(chunk.choices[0].text for chunk in chunks) == whole["text"]
    assert "\ufffd" not in whole["text"]
    decoded = tokenizer(served.config.models[MODEL]).decode(whole["token_ids"][:budget])
    assert whole["text"][: whole["thinking"]["hint_start"]] == decoded.removesuffix("\ufffd")
    return bool(decoded.endswith("\ufffd"))


def test_plain_completions_stream(served: Served) -> None:
    """The other wire format carries the same object."""
    stream = served.api.completions.create(
        model=TINY, prompt="def add(a, b):", temperature=0.0, stream=True, extra_body={"thinking_budget": 4}
    )
    choices = [choice for chunk in stream for choice in chunk.model_dump()["choices"]]
    assert CODE_HINT in "".join(choice["text"] for choice in choices)
    assert choices[-1]["thinking"]["cut"]


def test_a_client_that_goes_away_stops_the_engine(served: Served) -> None:
    """Otherwise every impatient reader would keep a sequence busy to its end."""
    began = computed()
    stream = served.api.chat.completions.create(
        **request(LONG, {"model": MODEL, "thinking_budget": 400, "min_tokens": 400, "max_tokens": 900}), stream=True
    )
    for _, chunk in zip(range(NUM_READ), stream, strict=False):
        assert chunk.choices[0].finish_reason is None
    left = computed()
    stream.close()
    deadline = time.monotonic() + 300
    while still_computes():
        assert time.monotonic() < deadline, "the engine still works for nobody"
    # All that was not read would have cost six times as much as what was.
    assert computed() - left < 2 * (left - began), "the engine went on to the end for nobody"


def computed() -> float:
    """Processor seconds that the engines have taken: on a busy machine they are as many, and take longer."""
    return sum(sum(engine.cpu_times()[:2]) for engine in engines(APP))


def still_computes() -> bool:
    """Whether the engines take more than one that waits for a request."""
    before = computed()
    time.sleep(1)
    return computed() - before > 0.1
