"""Keys are added and revoked while an endpoint runs."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from z1ray.serving.http import keyring
from z1ray.serving.http.keyring import KeyRing

ALICE, BOB = "alice-0123456789abcdef", "bob-fedcba9876543210"
PATIENCE_S = 60


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"alice={ALICE}\n")
    return path


def eventually(ring: KeyRing, holds: Callable[[], bool]) -> None:
    """Ask as requests do until it holds."""

    async def ask() -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < deadline
            await ring.refresh()
            await asyncio.sleep(0.05)

    asyncio.run(ask())


def test_a_key_is_added_and_another_revoked_without_a_restart(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Keys leak and people leave: revoking one must not wait for a maintenance window, nor show it."""
    ring = KeyRing(f"file:{file}")
    assert (ring.holder(ALICE.encode()), ring.holder(BOB.encode())) == ("alice", None)
    with caplog.at_level(logging.WARNING):
        file.write_text(f"bob={BOB}\n")
        eventually(ring, lambda: ring.holder(BOB.encode()) == "bob")
    assert ring.holder(ALICE.encode()) is None
    assert "added bob; removed alice" in caplog.text
    assert ALICE not in caplog.text
    assert BOB not in caplog.text


def test_a_file_put_in_the_place_of_another_is_noticed(file: Path) -> None:
    """As secret stores and careful operators do it; the new file may be as old and as long as the last one."""
    ring = KeyRing(f"file:{file}")
    other = file.with_name("other")
    other.write_text(f"karen={ALICE[::-1]}\n"[: file.stat().st_size])
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)
    eventually(ring, lambda: ring.holder(ALICE.encode()) is None)


def test_a_broken_file_changes_nothing(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint that locked everybody out over a typo would be an outage; one that let everybody in, a hole."""
    ring = KeyRing(f"file:{file}")
    with caplog.at_level(logging.ERROR):
        for break_it in (lambda: file.write_text("alice\n"), file.unlink):
            caplog.clear()
            break_it()
            eventually(ring, lambda: bool(caplog.records))
            assert ring.holder(ALICE.encode()) == "alice"
    file.write_text(f"alice={BOB}\n")
    eventually(ring, lambda: ring.holder(BOB.encode()) == "alice")
    assert ring.holder(ALICE.encode()) is None


def test_a_broken_file_is_told_once(
    file: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every request looks; a line for each would bury the log."""
    monkeypatch.setattr(keyring, "_LOOK_EVERY_S", 0.0)
    ring = KeyRing(f"file:{file}")
    file.write_text("alice\n")

    async def look(times: int) -> None:
        for _ in range(times):
            await ring.refresh()

    with caplog.at_level(logging.ERROR):
        asyncio.run(look(20))
    assert len(caplog.records) == 1
    assert "name=key" in caplog.text


def test_storage_that_hangs_holds_nobody_up_for_long(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys lie on shared storage; when that stalls, requests go on with the last ones."""
    ring = KeyRing(f"file:{file}")
    monkeypatch.setattr(keyring, "_LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(keyring, "_PATIENCE_S", 0.01)
    answers = asyncio.Event()

    async def hang() -> None:
        await answers.wait()

    monkeypatch.setattr(ring, "_read_again", hang)

    async def ask() -> None:
        await ring.refresh()
        await ring.refresh()
        assert ring.holder(ALICE.encode()) == "alice"
        answers.set()

    asyncio.run(ask())


def test_a_variable_is_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps the environment it was started with."""
    monkeypatch.setenv("STAFF", f"alice={ALICE}")
    ring = KeyRing("env:STAFF")
    asyncio.run(ring.refresh())
    assert ring.holder(ALICE.encode()) == "alice"
