"""API keys: their sources are read strictly, and nothing passes the guard without one."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, WebSocket, WebSocketDisconnect
from fastapi.testclient import TestClient

from z1ray.errors import UserError
from z1ray.serving.http.guard import KeyGuard
from z1ray.serving.keys import read_keys, require_source

ALICE, BOB = "alice-0123456789abcdef", "bob=with=signs/and+more=="


def test_a_file_holds_a_key_per_line(tmp_path: Path) -> None:
    """Comments, blank lines and keys with '=' (base64) are what operators write."""
    (tmp_path / "keys").write_text(f"# staff\n\nalice = {ALICE}\n  bob={BOB}\n")
    assert read_keys(f"file:{tmp_path / 'keys'}") == {"alice": ALICE, "bob": BOB}


@pytest.mark.parametrize("between", [",", "\n", " ,\n"])
def test_a_variable_holds_the_same_on_one_line(monkeypatch: pytest.MonkeyPatch, between: str) -> None:
    """Secret stores fill variables either way."""
    monkeypatch.setenv("STAFF", f"alice={ALICE}{between}bob={BOB}")
    assert read_keys("env:STAFF") == {"alice": ALICE, "bob": BOB}


@pytest.mark.parametrize("source", ["", "off", "False", "None", "env:", "env:A-B", "file:", "keys.txt", "none "])
def test_a_setting_that_names_no_source_is_refused(source: str) -> None:
    """YAML turns a bare ``off`` into ``False``; taken for "no keys", a slip would open the endpoint."""
    with pytest.raises(UserError, match="env:NAME, file:PATH, or none"):
        require_source(source)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no key"),
        ("# nobody yet", "no key"),
        (ALICE, "name=key"),
        (f"={ALICE}", "no name"),
        ("alice=short", "shorter than 16"),
        (f"alice={ALICE},alice={BOB}", "named 'alice' already"),
        (f"alice={ALICE},bob={ALICE}", "somebody else's"),
        ("alice=not a header value!", "HTTP header"),
        ("alice=ünprintable-in-ascii", "HTTP header"),
    ],
)
def test_a_malformed_source_is_refused_without_showing_a_key(
    monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    """A key that nobody can tell apart, guess-proof, or send is a hole or a locked door; a shown one is lost."""
    monkeypatch.setenv("STAFF", text)
    with pytest.raises(UserError, match=problem) as caught:
        read_keys("env:STAFF")
    assert (caught.value.field, caught.value.value) == ("serve.api_keys", "env:STAFF")
    assert not any(key in str(caught.value) for key in (ALICE, BOB, "short\n", "not a header value!"))


def test_a_key_of_exactly_the_least_length_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message says 16 or more, and an operator who makes 16 must not be told that 16 is too short."""
    monkeypatch.setenv("STAFF", f"alice={'k' * 16}")
    assert read_keys("env:STAFF") == {"alice": "k" * 16}
    monkeypatch.setenv("STAFF", f"alice={'k' * 15}")
    with pytest.raises(UserError, match="shorter than 16"):
        read_keys("env:STAFF")


def test_a_source_that_is_not_there_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that took it for an empty one would be open."""
    monkeypatch.delenv("STAFF", raising=False)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for source in ("env:STAFF", f"file:{tmp_path / 'none'}", f"file:{tmp_path / 'binary'}", f"file:{tmp_path}"):
        with pytest.raises(UserError) as caught:
            read_keys(source)
        assert caught.value.value == source
    assert read_keys("none") == {}


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """An application that tells what reached it, behind the guard."""
    monkeypatch.setenv("STAFF", f"alice={ALICE},bob={BOB}")
    app = FastAPI()
    app.add_middleware(KeyGuard, source="env:STAFF")

    async def reached(request: Request) -> dict[str, Any]:
        return {"holder": getattr(request.state, "user_id", None), "headers": dict(request.headers)}

    for path in ("/v1/models", "/playground"):
        app.api_route(path, methods=["GET", "POST"])(reached)
    return TestClient(app)


@pytest.mark.parametrize(("key", "holder"), [(ALICE, "alice"), (BOB, "bob")])
def test_a_key_lets_its_holder_through(guarded: TestClient, key: str, holder: str) -> None:
    """The application knows who asks, and never sees the key: what it logs or passes on cannot leak it."""
    answer = guarded.get("/v1/models", headers={"Authorization": f"bearer {key}"})
    assert answer.json()["holder"] == holder
    assert "authorization" not in answer.json()["headers"]


@pytest.mark.parametrize(
    "value", [None, "", "Bearer", "Bearer ", f"Bearer {ALICE}x", f"Bearer {ALICE[:-1]}", ALICE, f"Basic {ALICE}"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/models"), ("POST", "/v1/models"), ("GET", "/nowhere")])
def test_nothing_else_passes(guarded: TestClient, method: str, path: str, value: str | None) -> None:
    """Also a path that does not exist: the endpoint tells strangers nothing."""
    headers = {} if value is None else {"Authorization": value}
    answer = guarded.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(("key", "passes"), [(None, False), ("x", False), (ALICE, True)])
def test_a_websocket_needs_a_key_too(monkeypatch: pytest.MonkeyPatch, key: str | None, passes: bool) -> None:
    """A guard of HTTP alone would leave open whatever upgrades its connection."""
    monkeypatch.setenv("STAFF", f"alice={ALICE}")
    app = FastAPI()
    app.add_middleware(KeyGuard, source="env:STAFF")

    async def hello(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    app.websocket("/v1/realtime")(hello)
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    client = TestClient(app)
    if passes:
        with client.websocket_connect("/v1/realtime", headers=headers) as socket:
            assert socket.receive_text() == "hello"
        return
    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/v1/realtime", headers=headers):
        pass
    assert refused.value.code == 1008


def test_two_headers_are_no_key(guarded: TestClient) -> None:
    """A proxy in front may have judged the other one."""
    headers = [("Authorization", f"Bearer {ALICE}"), ("Authorization", "Bearer x")]
    assert guarded.get("/v1/models", headers=headers).status_code == 401


def test_the_playground_page_is_open_and_nothing_below_or_beside_it(guarded: TestClient) -> None:
    """It is static; its own requests bear a key."""
    assert guarded.get("/playground").status_code == 200
    for path in ("/playground/", "/playground/../v1/models", "//playground", "/Playground"):
        assert guarded.get(path).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [("/pre/playground", 200), ("/pre/v1/models", 401), ("/pre/pre/playground", 401), ("/preplayground", 401)],
)
def test_the_playground_is_open_below_a_route_prefix(monkeypatch: pytest.MonkeyPatch, path: str, status: int) -> None:
    """Several endpoints share one address by it; ASGI's path has the prefix in front, and 401 is no page."""
    monkeypatch.setenv("STAFF", f"alice={ALICE}")
    app = FastAPI()
    app.add_middleware(KeyGuard, source="env:STAFF")
    app.get("/playground")(lambda: {})
    assert TestClient(app, root_path="/pre").get(path).status_code == status


def test_the_guard_does_not_start_without_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replica on a node that lacks the secret must fail, not serve everyone."""
    monkeypatch.delenv("STAFF", raising=False)
    app = FastAPI()
    app.add_middleware(KeyGuard, source="env:STAFF")
    with pytest.raises(UserError, match="no such variable"), TestClient(app):
        pass
