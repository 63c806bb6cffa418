"""The playground's reading of a stream, against a server that splits and breaks it at will.

The real endpoint cannot be made to split a character between packets, to be full,
or to fail in the middle of an answer on demand; a scripted one can.
"""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.serving.browser import (
    Driver,
    chromium,
    console,
    counts,
    ended,
    error,
    fill,
    find,
    open_page,
    parts,
    wait_for,
)
from z1ray.serving.playground import page

HINT = "\n\nSo the answer is:\n\n"
WINDOW = {
    "default_budget": 4,
    "max_budget": 64,
    "efforts": {"low": 4, "high": 32},
    "answer_tokens": 8,
    "hints": {"code": HINT},
    "default_hint": "code",
}
# Each emoji is a pair of UTF-16 units, and four bytes in UTF-8.
THOUGHT, ANSWER = "é🙂", "<b>🎉</b>"


def chunk(text: str, num_tokens: int, **more: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "token_ids": [7] * num_tokens, **more}]}


def cut_run() -> Iterator[dict[str, Any]]:
    thinking = {"budget": 4, "thinking_tokens": 4, "hint_tokens": 3, "answer_tokens": 2, "cut": True}
    offsets = {"hint_start": len(THOUGHT), "answer_start": len(THOUGHT + HINT)}
    yield chunk(THOUGHT[0], 2)
    yield chunk(THOUGHT[1], 2)
    yield chunk(HINT[:8], 1)
    yield chunk(HINT[8:], 2)
    yield chunk(ANSWER, 2, finish_reason="stop", thinking=thinking | offsets)


def uncut_run() -> Iterator[dict[str, Any]]:
    thinking = {"budget": 4, "thinking_tokens": 2, "hint_tokens": 0, "answer_tokens": 0, "cut": False}
    yield chunk(THOUGHT, 2, finish_reason="stop", thinking=thinking | {"hint_start": None, "answer_start": 0})


def failing_run() -> Iterator[dict[str, Any]]:
    yield chunk(THOUGHT, 2)
    yield {"error": {"message": "the engine died", "type": "server_error", "param": None, "code": 500}}


def endless_run() -> Iterator[dict[str, Any]]:
    while True:
        time.sleep(0.05)
        yield chunk("on ", 1)


RUNS = {"cut": cut_run, "uncut": uncut_run, "failing": failing_run, "truncated": lambda: [chunk("half", 1)]}


class Scripted(BaseHTTPRequestHandler):
    """An endpoint that does what the prompt says."""

    hung_up = threading.Event()

    def do_GET(self) -> None:
        """The page and its models."""
        models = {"object": "list", "data": [{"id": "scripted", "metadata": {"window": WINDOW}}]}
        bodies = {"/playground": ("text/html", page()), "/v1/models": ("application/json", json.dumps(models))}
        self._answer(200, *bodies[self.path])

    def do_POST(self) -> None:
        """The run that the prompt names."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = body["messages"][0]["content"]
        if prompt == "full":
            self._answer(429, "application/json", '{"error": {"message": "queue full"}}', {"Retry-After": "7"})
        elif prompt == "endless":
            self._stream_until_hung_up()
        else:
            self._stream(prompt)

    def _stream(self, prompt: str) -> None:
        self._head(200, "text/event-stream")
        events = "".join(f"data: {json.dumps(event, ensure_ascii=False)}\n\n" for event in RUNS[prompt]())
        tail = "" if prompt == "truncated" else "data: [DONE]\n\n"
        for byte in (events + tail).encode():
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def _stream_until_hung_up(self) -> None:
        self._head(200, "text/event-stream")
        try:
            for event in endless_run():
                self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        except OSError:
            self.hung_up.set()

    def _answer(self, status: int, kind: str, text: str, headers: dict[str, str] | None = None) -> None:
        self._head(status, kind, headers or {})
        self.wfile.write(text.encode())

    def _head(self, status: int, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": f"{kind}; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def scripted() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def driver() -> Iterator[Driver]:
    with chromium() as driver:
        yield driver


def send(driver: Driver, address: str, prompt: str) -> None:
    open_page(driver, address)
    fill(driver, "#prompt", prompt)
    find(driver, "#send").click()


def test_a_stream_split_at_every_byte_is_parted_by_characters(driver: Driver, scripted: str) -> None:
    """Split characters would show as replacement marks, and UTF-16 offsets would cut the parts in the wrong place."""
    send(driver, scripted, "cut")
    wait_for(driver, ended)
    for pane in "AB":
        assert parts(driver, pane) == {"thinking": THOUGHT, "hint": HINT, "answer": ANSWER}
    assert counts(driver, "A") == {"thinking": 4, "hint": 3, "answer": 2}
    assert console(driver) == []


def test_a_model_cannot_write_markup_into_the_page(driver: Driver, scripted: str) -> None:
    """An answer that became HTML could run scripts with the visitor's key."""
    send(driver, scripted, "cut")
    wait_for(driver, ended)
    assert driver.execute_script("return document.querySelector('.text b')") is None


def test_a_run_that_was_not_cut_is_one_part(driver: Driver, scripted: str) -> None:
    """Its answer starts at 0 and its tokens count as thinking: shown as both, not as an answer without thought."""
    send(driver, scripted, "uncut")
    wait_for(driver, ended)
    assert parts(driver, "A") == {"thinking": THOUGHT, "hint": "", "answer": ""}
    assert counts(driver, "A") == {"thinking": 2, "hint": 0, "answer": 0}
    assert "ended by itself" in find(driver, "[data-pane=A] .status").text


@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("failing", "The stream broke off\nthe engine died"),
        ("truncated", "The stream broke off\nIt ended before the run did."),
        ("full", "The endpoint is full; try again in 7 s\nqueue full"),
    ],
)
def test_a_failure_is_told_in_words(driver: Driver, scripted: str, prompt: str, told: str) -> None:
    """A broken run that looked finished would be taken for the model's answer."""
    send(driver, scripted, prompt)
    wait_for(driver, ended)
    assert error(driver, "[data-pane=A] ") == told
    assert find(driver, "[data-pane=A] .status").text == ""


def test_stop_hangs_up(driver: Driver, scripted: str) -> None:
    """Unless the connection closes, the engine goes on generating for nobody."""
    send(driver, scripted, "endless")
    wait_for(driver, lambda page: parts(page, "A")["thinking"])
    find(driver, "#stop").click()
    wait_for(driver, ended)
    assert find(driver, "[data-pane=A] .status").text == "Stopped"
    assert Scripted.hung_up.wait(10)


def test_an_effort_is_sent_by_its_name_and_moves_the_dial(driver: Driver, scripted: str) -> None:
    """The dial and the efforts are one choice: what is shown must be what is asked for."""
    open_page(driver, scripted)
    find(driver, "[data-pane=B] [data-effort=high]").click()
    assert find(driver, "[data-pane=B] [type=number]").get_property("value") == "32"
    assert find(driver, "[data-pane=B] [type=range]").get_property("value") == "32"
    assert driver.execute_script("return panes[1].fields()") == {"reasoning_effort": "high"}
    fill(driver, "[data-pane=B] [type=number]", 9)
    assert find(driver, "[data-pane=B] [type=range]").get_property("value") == "9"
    assert driver.execute_script("return panes[1].fields()") == {"thinking_budget": 9}


def test_parts_and_counts_are_right_before_the_stream_ends(driver: Driver, scripted: str) -> None:
    """The final numbers come from the server; what moves on the screen until then is the page's own count."""
    open_page(driver, scripted)
    follow = """
        const run = new Run(4, arguments[1]);
        return arguments[0].map((chunk) => {
          run.add(chunk.choices[0]);
          return [Object.values(run.parts()), Object.values(run.counts())];
        });"""
    live = [*list(cut_run())[:-1], chunk(ANSWER, 2)]
    assert driver.execute_script(follow, live, HINT) == [
        [["é", "", ""], [2, 0, 0]],
        [[THOUGHT, "", ""], [4, 0, 0]],
        [[THOUGHT, HINT[:8], ""], [4, 1, 0]],
        [[THOUGHT, HINT, ""], [4, 3, 0]],
        [[THOUGHT, HINT, ANSWER], [4, 3, 2]],
    ]


def test_the_page_needs_nothing_but_itself() -> None:
    """A font or script from elsewhere would tell strangers who uses the endpoint, and fail without a network."""
    html = page()
    assert "[[" not in html
    assert not any(f"{attribute}=" in html.lower() for attribute in ("src", "onclick", "onload"))
    assert html.count("http") == html.count("http-equiv") + html.count("http://www.w3.org/2000/svg")
