"""The sandbox, by really trying to get out of it.

These tests need bubblewrap to work on the machine; the first says so if it does not.
"""

import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.grading.test_awkward import DOUBLE, SUM, verdict
from z1ray.errors import UserError
from z1ray.grading import processes, sandbox
from z1ray.grading.config import SandboxConfig
from z1ray.grading.processes import Outcome
from z1ray.grading.sandbox import run

LIMITS = SandboxConfig(timeout_s=20, memory_mib=256)


@pytest.fixture
def limited(monkeypatch):
    """The fallback, as on a machine without bubblewrap."""
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox._unusable.cache_clear()
    sandbox._warn.cache_clear()
    yield
    sandbox._unusable.cache_clear()
    sandbox._warn.cache_clear()


def running(marker: str) -> bool:
    """Whether any process on this machine has the marker in its arguments."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


def wait_until_gone(marker: str) -> bool:
    deadline = time.monotonic() + 30
    while running(marker) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not running(marker)


def test_bubblewrap_works_here():
    """Everything below tests the strong sandbox; without it untrusted code is not contained."""
    assert sandbox.kind() == "bubblewrap", sandbox._unusable(0)


def test_a_program_runs_and_reads_stdin():
    """Isolation that breaks ordinary programs would fail right answers."""
    outcome = run("import sys, json, math, dataclasses\nprint(sys.stdin.read()[::-1])", LIMITS, stdin="añb")
    assert outcome == Outcome("ok", "bña\n", "")


def test_an_exception_is_an_error():
    """Failure must not look like success."""
    outcome = run("1 / 0", LIMITS)
    assert outcome.status == "error"
    assert "ZeroDivisionError" in outcome.stderr


def test_no_network():
    """Model-written code must reach nobody, this machine's own services included."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address, timeout=5):  # it can be reached from out here
            outcome = run(f"import socket\nsocket.create_connection({address!r}, timeout=5)", LIMITS)
    assert outcome.status == "error"
    assert "ConnectionRefusedError" in outcome.stderr or "OSError" in outcome.stderr


def test_no_files_of_the_host(tmp_path):
    """Keys, data and code of the host stay unseen; the system's libraries can be seen but not written."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o666)
    for path in (str(secret), "/etc/shadow", "/etc/hostname", "/etc/resolv.conf", __file__):
        outcome = run(f"print(open({path!r}).read())", LIMITS)
        assert "FileNotFoundError" in outcome.stderr, path
    assert run("print(open('/etc/passwd').read().count(':'))", LIMITS).stdout == "6\n"  # itself alone
    hosts = run("print(open('/etc/hosts').read(), end='')", LIMITS).stdout
    assert hosts == "127.0.0.1 localhost sandbox\n::1 localhost\n"
    for path in ("/usr/x", "/x", "/dev/x", "/etc/passwd", str(Path(os.__file__).with_name("x"))):
        outcome = run(f"open({path!r}, 'w')", LIMITS)
        assert "Read-only file system" in outcome.stderr or "PermissionError" in outcome.stderr, path


def test_tmp_is_private_and_small():
    """Programs may use scratch files, but not fill the host's memory with them."""
    assert run("open('/tmp/a', 'w').write('b'); print(open('/tmp/a').read())", LIMITS).stdout == "b\n"
    assert run("import os; print(os.listdir('/tmp'))", LIMITS).stdout == "[]\n"
    for folder in ("/tmp", "/dev/shm"):
        fill = f"for n in range(20):\n    open(f'{folder}/{{n}}', 'wb').write(bytes(7 * 2**20))"
        assert "No space left" in run(fill, LIMITS).stderr


def test_no_environment(monkeypatch):
    """Tokens travel in environment variables."""
    monkeypatch.setenv("Z1RAY_TEST_SECRET", "s3cret")
    assert "s3cret" not in run("import os; print(dict(os.environ))", LIMITS).stdout


def test_no_rights_and_no_other_processes():
    """Root inside would be a step towards root outside."""
    outcome = run("import os; print(os.getuid(), [p for p in os.listdir('/proc') if p.isdigit()])", LIMITS)
    uid, _, processes = outcome.stdout.partition(" ")
    assert uid != "0"
    assert len(processes.split(",")) == 2  # bubblewrap's reaper and the program
    assert "PermissionError" in run("import os; os.setuid(0)", LIMITS).stderr


def test_fork_bomb_is_held():
    """Processes without limit would take the whole machine down."""
    bomb = """
import os, time
count = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
except OSError:
    print(count)
"""
    outcome = run(bomb, LIMITS)
    assert 0 < int(outcome.stdout) <= processes.MAX_PROCESSES


def test_memory_hog_is_held():
    """One greedy answer must not push others out of memory."""
    assert run("x = bytearray(2**30)", LIMITS).status == "memory"
    assert run("x = bytearray(2**26)", LIMITS).status == "ok"


@pytest.mark.parametrize("program", ["while True: pass", "import time; time.sleep(60)", "input()\nwhile True: pass"])
def test_endless_programs_time_out(program):
    """The limit is on wall-clock time, so sleeping does not help."""
    started = time.monotonic()
    assert run(program, SandboxConfig(timeout_s=1), stdin="\n").status == "timeout"
    assert time.monotonic() - started < 30


def test_timeout_ends_children_in_other_sessions():
    """A child that has left its session would otherwise stay on the host for ever."""
    marker = f"z1ray-orphan-{os.getpid()}"
    child = f"import time; time.sleep(600) #{marker}"
    program = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", {child!r}], start_new_session=True)
print("started", flush=True)
while True: pass
"""
    seen = []
    thread = threading.Thread(target=lambda: seen.append(run(program, SandboxConfig(timeout_s=4))))
    thread.start()
    deadline = time.monotonic() + 4
    while not running(marker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert running(marker)
    thread.join()
    assert (seen[0].status, seen[0].stdout) == ("timeout", "started\n")
    assert wait_until_gone(marker)


def test_output_is_bounded():
    """A flood of output would fill the grader's memory."""
    outcome = run("while True: print('x' * 1000)", LIMITS)
    assert outcome.status == "error"
    assert len(outcome.stdout) <= processes.OUTPUT_BYTES


@pytest.mark.parametrize("source", ["\0", "\ud800", "def", "print('\\ud800')", "# coding: nonsense"])
def test_any_text_is_a_program(source):
    """Models write anything; the sandbox answers, it does not raise."""
    assert run(source, LIMITS).status == "error"


def probe(monkeypatch, *outputs):
    """Let the probe see these outputs instead of a run's."""
    seen = iter(outputs)
    monkeypatch.setattr(sandbox, "_run", lambda *_: Outcome("ok", next(seen), "no namespace for you"))
    monkeypatch.setattr(sandbox, "_PROBE_PAUSE_S", 0)
    sandbox._unusable.cache_clear()


def test_a_passing_error_does_not_switch_the_sandbox_off(monkeypatch):
    """A machine that is short of something for a moment is not one without bubblewrap."""
    probe(monkeypatch, "", "", "ready\n")
    assert sandbox.kind(True) == "bubblewrap"
    sandbox._unusable.cache_clear()


def test_a_failing_sandbox_is_an_error_and_is_tried_again(monkeypatch):
    """Nothing is run in a weaker one unless that was asked for, and not for a worker's whole life."""
    probe(monkeypatch, *[""] * 3, "ready\n")
    now = iter([100.0, 101.0, 200.0])
    monkeypatch.setattr("z1ray.grading.sandbox.time", SimpleNamespace(monotonic=lambda: next(now), sleep=time.sleep))
    with pytest.raises(UserError, match=r"bwrap does not work \(no namespace for you\)(?s:.*)sandbox.require"):
        sandbox.kind(True)
    assert sandbox.kind() == "limited"
    assert sandbox.kind(True) == "bubblewrap"
    sandbox._unusable.cache_clear()


@pytest.mark.usefixtures("limited")
def test_a_missing_sandbox_is_an_error():
    """By default code runs contained or not at all."""
    for work in (lambda: run("1", LIMITS), lambda: verdict(DOUBLE, "def double(x): return 2 * x")):
        with pytest.raises(UserError, match="bwrap is not installed"):
            work()


@pytest.mark.usefixtures("limited")
def test_fallback_warns_once_and_still_limits(caplog):
    """Where it was asked for, work goes on, but never quietly, and limits that need no namespace hold."""
    weak = replace(LIMITS, require=False)
    outcomes = [run(program, replace(weak, timeout_s=2)) for program in ("x = bytearray(2**30)", "1")]
    assert [outcome.status for outcome in outcomes] == ["memory", "ok"]
    assert run("while True: pass", replace(weak, timeout_s=1)).status == "timeout"
    assert "secret" not in run("import os; print(dict(os.environ))", weak).stdout
    (record,) = caplog.records
    assert "WITHOUT A SANDBOX: bwrap is not installed" in record.message
    assert "apt-get install bubblewrap" in record.message
    assert sandbox.kind() == "limited"


@pytest.mark.usefixtures("limited")
def test_what_the_fallback_does_not_protect(tmp_path):
    """The counterpart of the tests above: they can tell a sandbox from none."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        program = (
            f"import socket\nsocket.create_connection({address!r}, timeout=5)\nprint(open({str(secret)!r}).read())"
        )
        assert run(program, replace(LIMITS, require=False)).stdout == "s3cret\n"


@pytest.mark.usefixtures("limited")
def test_the_fallback_judges_too():
    """The demonstration runs where bubblewrap cannot; verdicts are the same."""
    weak = SandboxConfig(timeout_s=20, require=False)
    assert verdict(DOUBLE, "def double(x): return 2 * x", weak) == "passed"
    assert verdict(DOUBLE, "def double(x): return 3 * x", weak) == "failed"
    assert verdict(SUM, "print(sum(map(int, input().split())))", weak) == "passed"
