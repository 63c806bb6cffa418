"""A Ray head of our own on this machine: loopback only, token required, gone when we are."""

import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from z1ray.connect import ADDRESS_VARIABLES, SERVE_ENV
from z1ray.errors import UserError
from z1ray.ports import free_port
from z1ray.progress import say

_DASHBOARD_PORT = 8265
_AGENT_PORT = 8266
_START_TIMEOUT_S = 300.0
_STOP_TIMEOUT_S = 30.0
_PR_SET_PDEATHSIG = 1


@contextmanager
def local_head(num_cpus: int = 8) -> Iterator[str]:
    """Start a head, give the address of its dashboard and Jobs API, and stop it however we leave.

    It offers the machine's GPUs, and its CPUs or ``num_cpus``, whichever is more: they are logical,
    and each actor of a stage takes one, however idle it is.
    The token is put into this process's environment, where Ray's clients look for it.

    Raises:
        UserError: If the head does not come up.
    """
    folder = Path(tempfile.mkdtemp(prefix="z1ray-"))
    os.environ.update({"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)})
    port, agent_port = free_port(_DASHBOARD_PORT), free_port(_AGENT_PORT)
    process = _start(folder, port, agent_port, num_cpus)
    try:
        # The dashboard takes jobs, the agent runs them.
        for each in (port, agent_port):
            _wait_until_up(process, each, folder / "head.log")
        say(f"local Ray head started; dashboard http://127.0.0.1:{port} (token {os.environ['RAY_AUTH_TOKEN']})")
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)
        shutil.rmtree(folder, ignore_errors=True)
        say("local Ray head stopped")


def _start(folder: Path, port: int, agent_port: int, num_cpus: int) -> subprocess.Popen[bytes]:
    command = [
        str(Path(sys.executable).with_name("ray")),
        *("start", "--head", "--block", "--disable-usage-stats"),
        *(f"--num-cpus={max(num_cpus, os.cpu_count() or 1)}", f"--object-store-memory={1 << 30}"),
        *("--node-ip-address=127.0.0.1", f"--port={free_port(6379)}"),
        *("--dashboard-host=127.0.0.1", f"--dashboard-port={port}", f"--temp-dir={folder}"),
        # A second Ray on this machine has taken the default.
        f"--dashboard-agent-listen-port={agent_port}",
    ]
    with (folder / "head.log").open("wb") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=_environment(),
            # Its own session, so that Ctrl-C reaches us first and we can stop jobs in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )


def _environment() -> dict[str, str]:
    """Environment of the head: that of the present process without the addresses of other clusters."""
    ours = {name: value for name, value in os.environ.items() if name not in ADDRESS_VARIABLES}
    return {**ours, **SERVE_ENV}


def _die_with_parent() -> None:
    """Have Linux end the head if this process is killed outright."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
    raise UserError(
        "ray head",
        f"127.0.0.1:{port}",
        f"it did not come up; its log ends:\n{tail}",
        "fix that and run the command again",
    )


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
