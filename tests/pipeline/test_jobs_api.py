"""The address that was given is asked, and one that does not answer is told on one screen."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import ray

from z1ray.errors import UserError
from z1ray.pipeline import jobs_api

NOBODY = "http://127.0.0.1:9"


@contextmanager
def server(status: int, body: str) -> Iterator[str]:
    """Something that answers every GET alike; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Nothing to standard error."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


def test_the_address_given_wins_over_the_environment(monkeypatch):
    for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
        monkeypatch.setenv(name, NOBODY)
    with server(200, json.dumps({"ray_version": ray.__version__})) as address:
        assert jobs_api.connect(address).get_address() == address


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (401, "Unauthorized: Missing authentication token", "RAY_AUTH_TOKEN"),
        (403, "Forbidden: Invalid authentication token", "RAY_AUTH_TOKEN"),
        (404, "", "no Jobs API answers"),
        (500, "", "no Jobs API answers"),
        (200, "<html>", "no Jobs API answers"),
    ],
)
def test_who_is_no_cluster_of_ours_is_told(status, body, told):
    with server(status, body) as address, pytest.raises(UserError, match=told) as caught:
        jobs_api.connect(address)
    assert (caught.value.field, caught.value.value) == ("--address", address)


@pytest.mark.parametrize(("address", "told"), [(NOBODY, "no Jobs API answers"), ("head:8265", "http://head:8265")])
def test_an_address_where_nobody_listens_is_told(address, told):
    with pytest.raises(UserError, match=told):
        jobs_api.connect(address)
