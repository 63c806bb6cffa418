"""A body that is too long is refused before anybody parses it."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel

from z1ray.serving.http.bodies import StrictRoute
from z1ray.serving.http.limits import BodyLimit

MIB = 1024 * 1024


class Text(BaseModel):
    """A body with one field."""

    text: str


@pytest.fixture
def parsed() -> list[int]:
    """The lengths of the bodies that were parsed."""
    return []


@pytest.fixture
def client(parsed: list[int]) -> TestClient:
    """An application that takes 1 MiB, with the ingress's own routes."""
    app = FastAPI()
    app.router.route_class = StrictRoute
    app.add_middleware(BodyLimit, most_mib=1)

    async def chat(body: Text) -> dict[str, int]:
        parsed.append(len(body.text))
        return {"length": len(body.text)}

    async def raw(request: Request) -> dict[str, int]:
        return {"length": len(await request.body())}

    app.post("/chat")(chat)
    app.post("/raw")(raw)
    return TestClient(app)


def body(length: int) -> bytes:
    """A JSON text of that many bytes."""
    return b'{"text": "' + b"x" * (length - 12) + b'"}'


def pieces(whole: bytes) -> Iterator[bytes]:
    """In pieces, so that no length is announced."""
    for start in range(0, len(whole), 100_000):
        yield whole[start : start + 100_000]


@pytest.mark.parametrize("path", ["/chat", "/raw"])
@pytest.mark.parametrize("announced", [True, False])
def test_a_longer_body_is_refused_unread(client: TestClient, parsed: list[int], path: str, announced: bool) -> None:
    """50 MB used to end in a 500, and 300 MB of memory that stayed; a client may or may not say how much it sends."""
    headers = {"Content-Type": "application/json"}

    def post(whole: bytes) -> Any:
        content: Any = whole if announced else pieces(whole)
        return client.post(path, content=content, headers=headers)

    assert post(body(MIB)).json() == {"length": MIB - 12 if path == "/chat" else MIB}
    for length in (MIB + 1, 3 * MIB, 20 * MIB):
        refused = post(body(length))
        assert refused.status_code == 413
        error = refused.json()["error"]
        assert (error["type"], error["code"]) == ("invalid_request_error", "request_too_large")
        assert "1 MiB" in error["message"]
    assert parsed == ([MIB - 12] if path == "/chat" else [])


def test_an_announced_length_that_is_none_is_left_to_the_server(client: TestClient) -> None:
    """Its answer is 400; ours must not be 500."""
    answer = client.post("/raw", content=pieces(b"{}"), headers={"Content-Length": "a lot"})
    assert answer.json() == {"length": 2}
