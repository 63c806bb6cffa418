"""Uploading to a stand-in for the hub that speaks its HTTP interface."""

import base64
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

CODE = """
import sys
from pathlib import Path
from z1ray.curation.view.hub import push
print(push(Path(sys.argv[1]), sys.argv[2]))
"""


class Hub(ThreadingHTTPServer):
    """Takes one repository; remembers what was committed."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.created: list[dict[str, object]] = []
        self.files: dict[str, bytes] = {}
        self.refuses = False


class Handler(BaseHTTPRequestHandler):
    """The calls of an upload of small files."""

    server: Hub

    def do_POST(self):
        """Create, ask how to upload, commit."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refuses:
            self.answer({"error": "You may not write here"}, 403)
        elif self.path == "/api/repos/create":
            self.server.created.append(json.loads(body))
            self.answer({"url": f"{self.address}/datasets/me/mine", "id": "me/mine"})
        elif self.path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = json.loads(body)["files"]
            self.answer({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.decode().splitlines()):
                if line["key"] == "file":
                    self.server.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self.answer({"commitUrl": f"{self.address}/datasets/me/mine/commit/1", "commitOid": "1", "success": True})
        else:
            self.answer({}, 404)

    def do_GET(self):
        """What the repository is."""
        self.answer({"id": "me/mine", "sha": "0", "siblings": [], "private": True, "tags": []})

    @property
    def address(self):
        """Of this hub."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, content, status=200):
        """Send JSON."""
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Keep the test's output clean."""


@pytest.fixture
def hub():
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dataset(tmp_path):
    folder = tmp_path / "dataset"
    for name in ("README.md", "manifest.json", "data/train-00000.parquet", "data/dropped-00000.parquet"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"content of {name}")
    (folder / "work").mkdir()
    (folder / "work" / "scratch.parquet").write_text("not for the hub")
    return folder


def push(hub, folder):
    """In a process of its own: the hub's address is read when the library is imported."""
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}",
        "HF_HUB_OFFLINE": "0",
        "HF_TOKEN": "hf_made_up",
        "HF_HUB_DISABLE_XET": "1",
    }
    command = [sys.executable, "-c", CODE, str(folder), "me/mine"]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)


def test_a_dataset_is_uploaded_whole(hub, dataset):
    """Card, manifest and all rows, and nothing that phases left for each other; private until its owner says else."""
    done = push(hub, dataset)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].endswith("/commit/1")
    (created,) = hub.created
    assert (created["name"], created["type"], created["visibility"]) == ("mine", "dataset", "private")
    assert set(hub.files) == {"README.md", "manifest.json", "data/train-00000.parquet", "data/dropped-00000.parquet"}
    assert hub.files["data/train-00000.parquet"] == b"content of data/train-00000.parquet"


def test_a_refusal_says_where_the_dataset_is(hub, dataset):
    """Hours of work are not lost for a missing right."""
    hub.refuses = True
    done = push(hub, dataset)
    assert done.returncode != 0
    assert "curate.push_to_hub = 'me/mine'" in done.stderr
    assert f"the dataset is in {dataset}" in done.stderr
    assert "run the same command again" in done.stderr
