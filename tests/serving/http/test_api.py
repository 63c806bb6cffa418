"""The HTTP application as strangers, old clients and fuzzers meet it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.serving.conftest import KEYS, MODEL, TINY, Served
from z1ray.serving.endpoint import address

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def http(served: Served) -> Iterator[httpx.Client]:
    """A bare client that bears a key."""
    headers = {"Authorization": f"Bearer {served.key}"}
    with httpx.Client(base_url=address(served.config), headers=headers, trust_env=False, timeout=600) as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/embeddings"),
        ("POST", "/v1/score"),
        ("POST", "/v1/audio/transcriptions"),
        ("POST", "/tokenize"),
        ("POST", "/detokenize"),
        ("POST", "/v1/responses"),
        ("POST", "/v1/messages"),
        ("POST", "/inference/v1/generate"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/metrics"),
    ],
)
def test_nothing_exists_beside_the_window(http: httpx.Client, method: str, path: str) -> None:
    """Ray's own map has endpoints that generate or reveal without a window; clients get an error they can print."""
    answer = http.request(method, path, json={"model": MODEL, "input": "hello", "prompt": "hello"})
    assert answer.status_code == 404
    assert path in answer.json()["error"]["message"]


def test_a_wrong_method_is_told_the_right_one(http: httpx.Client) -> None:
    """405 in OpenAI's shape, with the header HTTP asks for."""
    answer = http.get(CHAT)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "POST" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("content", "param"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff\xfe", None),
        ('{"model": "smollm2", "messages": []}'.encode("utf-16"), None),
        ('{"model": "smollm2", "messages": []}'.encode("utf-16-le"), None),
        ('{"model": "smollm2", "messages": []}'.encode("utf-8-sig"), None),
        (b"[1, 2]", None),
        (b'"text"', None),
        (b"[" * 100_000, None),
        (b'{"model": "smollm2"}', "messages"),
        (b'{"model": "smollm2", "messages": "hi"}', "messages"),
        (b'{"model": "smollm2", "messages": [{"role": "user", "content": "hi"}], "temperature": "hot"}', "temperature"),
        (b'{"model": "smollm2", "messages": [{"role": "user", "content": "hi"}], "temperature": NaN}', None),
        (b'{"model": "smollm2", "messages": [{"role": "user", "content": "hi"}], "n": "\\ud800"}', None),
        (b'{"model": "smollm2", "messages": 5}', "messages"),
        (b'{"model": "smollm2", "messages": [{"role": "user", "content": [5]}]}', "messages"),
        (b'{"model": "smollm2", "messages": [], "structured_outputs": 5}', "structured_outputs"),
        (b'{"model": "smollm2", "messages": [], "stream_options": {"include_usage": true}}', "stream_options"),
        (b'{"model": "gpt", "messages": []}', "model"),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_its_field(
    http: httpx.Client, content: bytes, param: str | None
) -> None:
    """FastAPI would say 422 in a shape of its own, and some of these used to break the error itself."""
    answer = http.post(CHAT, content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == (404 if param == "model" else 400)
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"]) == ("invalid_request_error", param)


def test_scripts_of_other_origins_are_given_no_leave(http: httpx.Client) -> None:
    """Ray's application answers any web page, credentials included; a browser must not let it use a visitor's key."""
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    answers = [http.options(CHAT, headers=headers), http.get("/v1/models", headers=headers)]
    assert not any(name.startswith("access-control") for answer in answers for name in answer.headers)


def test_every_key_opens_and_nothing_else_does(served: Served, http: httpx.Client) -> None:
    """The guard is in front of the real application, not only of a test's."""
    for key in KEYS.values():
        assert http.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    for value in ("", "Bearer x", f"Bearer {served.key[:-1]}"):
        answer = http.get("/v1/models", headers={"Authorization": value})
        assert answer.status_code == 401
        assert answer.json()["error"]["code"] == "invalid_api_key"


def test_every_answer_has_an_id_that_the_logs_know(http: httpx.Client) -> None:
    """The one thing a user can send an operator."""
    assert http.get("/v1/models", headers={"X-Request-ID": "mine-1"}).headers["x-request-id"] == "mine-1"
    assert http.get("/nowhere").headers["x-request-id"]


@pytest.mark.parametrize(
    "odd",
    [b"\xff\xfe", b"x" * 15_000, "\u00fc".encode(), b"two words"],
    ids=["not UTF-8", "long", "not ASCII", "words"],
)
def test_an_odd_request_id_is_replaced(http: httpx.Client, odd: bytes) -> None:
    """The proxy answered 500 to what is not UTF-8, and repeated the rest, whatever it was, to whoever asked."""
    answer = http.get("/v1/models", headers=[(b"x-request-id", odd), (b"authorization", _bearer(http))])
    assert answer.status_code == 200
    assert len(answer.headers["x-request-id"]) <= 128
    assert answer.headers["x-request-id"].encode() != odd


def _bearer(http: httpx.Client) -> bytes:
    return http.headers["Authorization"].encode()


def test_readiness_is_told_to_everyone(http: httpx.Client) -> None:
    """A load balancer bears no key; and Serve's own path speaks for its proxy only."""
    answer = http.get("/health", headers={"Authorization": ""})
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_cards_say_when_a_model_was_made_and_how_long_its_context_is(served: Served, http: httpx.Client) -> None:
    """Clients of OpenAI's API require the one, and plan prompts by the other, which vLLM's server tells too."""
    cards = http.get("/v1/models").json()["data"]
    assert {card["id"] for card in cards} == set(served.config.models)
    for card in cards:
        config = Path(served.config.models[card["id"]]) / "config.json"
        assert card["created"] == int(config.stat().st_mtime)
        assert card["max_model_len"] == served.config.engine_of(card["id"]).max_model_len
        assert http.get(f"/v1/models/{card['id']}").json() == card


def test_a_body_over_the_limit_is_refused(http: httpx.Client) -> None:
    """50 MB used to be a 500 after all the work, and 300 MB of memory that stayed."""
    answer = http.post(CHAT, json={"model": MODEL, "messages": [{"role": "user", "content": "x" * 50_000_000}]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_of_many_megabytes_arrives(http: httpx.Client, stream: bool) -> None:
    """Serve's processes took messages of up to 4 MiB: a longer answer was a 500 after all of it was written."""
    asked = {"prompt": "Once", "n": 16, "logprobs": 20, "max_tokens": 430, "thinking_budget": -1, "ignore_eos": True}
    answer = http.post("/v1/completions", json={"model": TINY, "stream": stream, **asked})
    assert answer.status_code == 200
    assert len(answer.content) > 4 * 1024 * 1024
    assert not stream or answer.text.endswith("data: [DONE]\n\n")
