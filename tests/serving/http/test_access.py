"""Every request leaves a line with the name of its key, and counts for it."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from z1ray.serving.http import access
from z1ray.serving.http.access import Access
from z1ray.serving.http.guard import KeyGuard
from z1ray.serving.keys import HOLDER_HEADER

ALICE = "alice-0123456789abcdef"


class Counts:
    """Takes the place of Ray's counter, which needs a cluster to be read."""

    def __init__(self, *_: object) -> None:
        self.seen: list[dict[str, str]] = []
        COUNTS.append(self)

    def inc(self, tags: dict[str, str]) -> None:
        """One more."""
        self.seen.append(tags)


COUNTS: list[Counts] = []


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    """An application behind guard and log, as the ingress puts them together."""
    monkeypatch.setenv("STAFF", f"alice={ALICE}")
    monkeypatch.setattr(access, "Counter", Counts)
    app = FastAPI()
    app.add_middleware(KeyGuard, source="env:STAFF")
    app.add_middleware(Access)

    async def ask(request: Request, status: int = 200) -> dict[str, Any]:
        if status == 500:
            raise RuntimeError("broken")
        if status != 200:
            raise HTTPException(status)
        return {"holder": request.headers.get(HOLDER_HEADER)}

    app.get("/ask")(ask)
    app.get("/playground")(ask)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


KEY = {"Authorization": f"Bearer {ALICE}"}


@pytest.mark.parametrize(
    ("path", "headers", "key", "status"),
    [
        ("/ask", KEY, "alice", 200),
        ("/ask?status=429", KEY, "alice", 429),
        ("/ask?status=500", KEY, "alice", 500),
        ("/ask", {}, "-", 401),
        ("/ask", {"Authorization": f"Bearer {ALICE}x"}, "-", 401),
    ],
)
def test_a_request_counts_for_its_key(
    client: TestClient, caplog: pytest.LogCaptureFixture, path: str, headers: dict[str, str], key: str, status: int
) -> None:
    """Who uses an endpoint, and who is refused, is asked every week; the key itself is in neither answer."""
    with caplog.at_level(logging.INFO):
        assert client.get(path, headers=headers).status_code == status
    assert COUNTS[-1].seen[-1] == {"key": key, "status": str(status)}
    assert f"key={key} GET /ask {status} " in caplog.text
    assert ALICE not in caplog.text


def test_nobody_can_ask_in_somebody_elses_name(client: TestClient) -> None:
    """The header that tells a replica whose request it is comes from the guard; a client's own counts for nothing."""
    assert client.get("/playground", headers={HOLDER_HEADER: "bob"}).json() == {"holder": None}
    assert client.get("/ask", headers={**KEY, HOLDER_HEADER: "bob"}).json() == {"holder": "alice"}


def test_a_path_cannot_write_lines_of_its_own(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    """A line end in it would forge an entry, and a megabyte of it fill the disk."""
    with caplog.at_level(logging.INFO):
        client.get(f"/a%0Akey=bob{'x' * 5000}", headers=KEY)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("ray.serve.z1ray")]
    assert len(lines) == 1
    assert "\n" not in lines[0]
    assert len(lines[0]) < 300
