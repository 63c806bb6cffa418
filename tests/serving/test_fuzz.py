"""No body that a client can send breaks the endpoint: property-based, over real HTTP."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.conftest import APP, TINY, Served, engines
from z1ray.serving.window.aliases import ALIASES, ROOTS

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

AT_A_TIME = 16
EXAMPLES = 32  # times AT_A_TIME: 512 bodies

# Small enough that the valid ones among them end soon, and everything that is no number besides.
NUMBERS = st.one_of(st.integers(-3, 24), st.sampled_from([2**31, -(2**63), 10**30, 0.5, -1.0, 1e308]))
ODD = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=5,
)
# What z1ray itself reads.
OURS = [
    *("thinking_budget", "thinking_budgets", "hint", "grace", "answer_only", "reasoning_effort", "vllm_xargs"),
    *("deadline_s", "deadline"),
    *("max_tokens", "max_completion_tokens", "n", "stream", "prompt", "messages", "return_token_ids"),
    *("conversation_id", "conversation_budget"),
    *sorted(ROOTS),
]
NAMES = [
    *OURS,
    *("min_tokens", "seed", "stop", "stop_token_ids", "temperature"),
    *("top_p", "top_k", "min_p", "logprobs", "top_logprobs", "prompt_logprobs", "logit_bias", "allowed_token_ids"),
    *("bad_words", "frequency_penalty", "presence_penalty", "repetition_penalty", "stream_options"),
    *("tools", "tool_choice", "response_format", "structured_outputs", "use_beam_search", "ignore_eos", "echo"),
    *("model", "user", "extra_body", "request_id"),
    *("chat_template", "truncate_prompt_tokens", "skip_special_tokens", "priority"),
]
MESSAGES = [{"role": "user", "content": "hi"}]
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("/chat/completions", {"messages": MESSAGES}),
    ("/completions", {"prompt": "hi"}),
]
ANY_VALUES: list[Any] = [None, True, -1, 0.5, 10**30, "x", [], {}]
LIMITS = st.fixed_dictionaries({"thinking_budget": st.integers(0, 8), "max_tokens": st.integers(22, 30)})


@st.composite
def bodies(draw: st.DrawFn) -> tuple[str, bytes]:
    """A path and a body: a sound request with some fields replaced by anything, or no request at all."""
    path, asked = draw(st.sampled_from(REQUESTS))
    if draw(st.integers(0, 15)) == 0:
        return path, draw(st.binary(max_size=40))
    body: dict[str, Any] = {
        "model": TINY,
        **asked,
        **draw(LIMITS),
        **draw(st.dictionaries(st.sampled_from(NAMES), ODD, max_size=4)),
    }
    root, _, part = draw(st.sampled_from(sorted(ALIASES))).partition(".")
    if part and draw(st.booleans()):
        body[root] = {part: draw(ODD)}
    return path, json.dumps(body).encode()


async def send(served: Served, requests: list[tuple[str, bytes]]) -> list[httpx.Response]:
    headers = {"Authorization": f"Bearer {served.key}", "Content-Type": "application/json"}
    address = served.manifest["address"]
    async with httpx.AsyncClient(base_url=address, headers=headers, trust_env=False, timeout=1200) as client:
        return await asyncio.gather(*(client.post(f"{address}{path}", content=body) for path, body in requests))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(requests=st.lists(bodies(), min_size=AT_A_TIME, max_size=AT_A_TIME))
def test_no_body_is_answered_with_a_server_error(
    served: Served, before: set[int], requests: list[tuple[str, bytes]]
) -> None:
    """Anything but an answer is the client's mistake, told in OpenAI's shape with what to do about it."""
    check(served, requests)


def check(served: Served, requests: list[tuple[str, bytes]]) -> None:
    """Send them all at a time."""
    for (path, body), response in zip(requests, asyncio.run(send(served, requests)), strict=True):
        assert response.status_code < 500, f"{path} {body!r}: {response.text}"
        if response.status_code != 200:
            error = response.json()["error"]
            assert {"message", "type", "param", "code"} <= set(error), f"{path} {body!r}: {response.text}"
        elif "event-stream" in response.headers["content-type"]:
            assert response.text.endswith("data: [DONE]\n\n"), f"{path} {body!r}"


@pytest.mark.parametrize(("path", "asked"), REQUESTS)
def test_no_value_of_a_field_of_ours_is_answered_with_a_server_error(
    served: Served, before: set[int], path: str, asked: dict[str, Any]
) -> None:
    """Each with every type of value, whatever chance picks above: what vLLM does not know, it does not check."""
    sound = {"model": TINY, **asked, "thinking_budget": 3, "max_tokens": 22}
    bodies = [json.dumps({**sound, name: value}).encode() for name in OURS for value in ANY_VALUES]
    for start in range(0, len(bodies), AT_A_TIME):
        check(served, [(path, body) for body in bodies[start : start + AT_A_TIME]])


@pytest.fixture(scope="module")
def before(served: Served) -> set[int]:
    """The processes of the engines, before."""
    return {engine.pid for engine in engines(APP)}


def test_the_engines_are_alive_after_all_that(served: Served, before: set[int]) -> None:
    """Each of those bodies could have killed it quietly, with a new replica in its place by now."""
    answer = served.api.completions.create(model=TINY, prompt="hi", extra_body={"thinking_budget": 3, "min_tokens": 3})
    assert answer.model_dump()["choices"][0]["thinking"]["cut"]
    assert {engine.pid for engine in engines(APP)} == before != set()
