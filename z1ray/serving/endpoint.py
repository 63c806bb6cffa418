"""Starts and stops the endpoint on a Ray cluster, and waits until it is healthy."""

import socket
import time
from contextlib import ExitStack
from ipaddress import ip_address
from typing import TYPE_CHECKING

from z1ray.connect import connect
from z1ray.errors import UserError
from z1ray.progress import say
from z1ray.serving.config import APP, ServeConfig
from z1ray.upstream import ray_serve

if TYPE_CHECKING:
    from ray.serve.schema import ApplicationStatusOverview

# A look at the status takes a process of many modules over a second of a core on which engines are starting.
_LOOK_EVERY_S = 4.0
_POLL_S = 1.0
_TELL_EVERY_S = 15.0
_ROUTES_TIMEOUT_S = 60.0
_REASON_LINES = 4
_REASON_WIDTH = 240


def address(config: ServeConfig) -> str:
    """The base URL for clients on this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)
    return f"http://{host}:{config.port}"


def is_loopback(config: ServeConfig) -> bool:
    """True if only this machine can reach the endpoint."""
    try:
        return ip_address(config.host).is_loopback
    except ValueError:
        return config.host == "localhost"


def require_port(config: ServeConfig) -> None:
    """Refuse an address that cannot be listened on, before any engine starts.

    Ray Serve has one address per cluster, so if it already runs, it must be this one.

    Raises:
        UserError: If another program listens there, the address is not this machine's,
            or this cluster's Ray Serve listens elsewhere.
    """
    serving = _serving_at()
    if serving == (config.host, config.port):
        return
    if serving is not None:
        raise UserError(
            "serve.port",
            f"{config.host}:{config.port}",
            f"Ray Serve already runs on this cluster, at {serving[0]}:{serving[1]}",
            "serve at that address, or stop it first (`serve shutdown`)",
        )
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family) as probe:
        # As servers do: a connection that lingers after its server is gone does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise UserError(
                "serve.port",
                f"{config.host}:{config.port}",
                f"it cannot be listened on ({error.strerror or error})",
                "stop the program that uses it, or set another, e.g. serve.port=8001",
            ) from error


def is_up(deployed: float) -> bool:
    """True if the application deployed at that time (Unix seconds) still runs."""
    app = _application()
    return app is not None and app.status.value == "RUNNING" and app.last_deployed_time_s == deployed


def start(config: ServeConfig, undo: ExitStack) -> float:
    """Deploy the application and wait until it answers; a running one is replaced.

    Args:
        config: What to serve.
        undo: Receives the call that stops what was started.

    Returns:
        When it was deployed, Unix seconds; identifies this deployment.

    Raises:
        UserError: If the engines do not come up, or not in time.
    """
    from ray import serve

    from z1ray.serving.app import build_app

    app = build_app(config)
    if _serving_at() is None:
        undo.callback(serve.shutdown)
        serve.start(http_options={"host": config.host, "port": config.port})
    else:
        undo.callback(serve.delete, APP)
        if _application() is not None:
            say("replacing the endpoint that was running")
            serve.delete(APP)
    target = serve.RunTarget(app, name=APP, route_prefix="/")
    serve.run_many([target], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)
    deployed = _wait_until_running(config)
    _wait_until_routed(config)
    return deployed


def _wait_until_running(config: ServeConfig) -> float:
    began = time.monotonic()
    tell_at = 0.0
    while True:
        app = _application()
        seconds = time.monotonic() - began
        if app is not None:
            if app.status.value == "RUNNING":
                return float(app.last_deployed_time_s)
            if app.status.value in {"DEPLOY_FAILED", "UNHEALTHY"}:
                raise _not_up("serve.models", config.models, "did not start", app)
        if seconds > config.start_timeout_s:
            raise _not_up("serve.start_timeout_s", config.start_timeout_s, "were not healthy in that time", app)
        if seconds >= tell_at:
            say(f"starting {', '.join(config.models)}: {_progress(app)}, {seconds:.0f} s")
            tell_at = seconds + _TELL_EVERY_S
        time.sleep(_LOOK_EVERY_S)


def _wait_until_routed(config: ServeConfig) -> None:
    """The HTTP proxy hears of a running application a moment later."""
    import openai

    from z1ray.serving.health import client

    deadline = time.monotonic() + _ROUTES_TIMEOUT_S
    with client(address(config), config.api_keys) as api:
        while True:
            try:
                api.models.list()
                return
            except openai.APIError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(_POLL_S)


def _serving_at() -> tuple[str, int] | None:
    """Host and port of this cluster's Ray Serve, or None if it does not run."""
    connect()
    return ray_serve.http_address()


def _application() -> "ApplicationStatusOverview | None":
    from ray import serve

    connect()
    return serve.status().applications.get(APP)


def _progress(app: "ApplicationStatusOverview | None") -> str:
    if app is None:
        return "deploying"
    states = [part.status.value for part in app.deployments.values()]
    reasons = _reasons(app)
    return f"{states.count('HEALTHY')}/{len(states)} parts healthy" + (f" ({reasons[-1]})" if reasons else "")


def _not_up(field: str, value: object, problem: str, app: "ApplicationStatusOverview | None") -> UserError:
    reasons = [] if app is None else _reasons(app)
    return UserError(
        field,
        value,
        "\n    ".join([f"the engines {problem}" + (", and Ray Serve says:" if reasons else ""), *reasons]),
        "fix the cause that Ray Serve names, or raise serve.start_timeout_s; the whole log is in the dashboard "
        "under Serve, and in serve/ of Ray's log folder",
    )


def _reasons(app: "ApplicationStatusOverview") -> list[str]:
    """The last lines of Serve's messages about the deployments that are not healthy."""
    unhealthy = [part.message for part in app.deployments.values() if part.status.value != "HEALTHY"]
    lines = [line.strip() for text in unhealthy for line in text.splitlines()]
    return [line[:_REASON_WIDTH] for line in lines if line.strip("^~ ")][-_REASON_LINES:]
