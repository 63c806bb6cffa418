"""Where an endpoint answers, what is in its way there, and whether it is up."""

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

from z1ray.connect import connect
from z1ray.errors import UserError
from z1ray.serving.config import ServeConfig
from z1ray.upstream import ray_serve

if TYPE_CHECKING:
    from ray.serve.schema import ApplicationStatusOverview


def address(config: ServeConfig) -> str:
    """The base URL for clients on this machine, without ``/v1``."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(config.host, config.host)
    return f"http://{host}:{config.port}{config.route_prefix.rstrip('/')}"


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
    serving = serving_at()
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


def require_route(config: ServeConfig, name: str) -> None:
    """Refuse a path that another application of this cluster answers at.

    Raises:
        UserError: Naming that application.
    """
    if serving_at() is None:
        return
    for other, target in ray_serve.targets().items():
        if other != name and target.route_prefix == config.route_prefix:
            raise UserError(
                "serve.route_prefix",
                config.route_prefix,
                f"the endpoint {other!r} answers there",
                f"set another path, e.g. serve.route_prefix=/{name}",
            )


def is_up(name: str, version: str) -> bool:
    """True if the application runs in the version that was deployed."""
    app = application(name)
    if app is None or app.status.value != "RUNNING":
        return False
    target = ray_serve.targets().get(name)
    return target is not None and target.ingress_version == version


def serving_at() -> tuple[str, int] | None:
    """Host and port of this cluster's Ray Serve, or None if it does not run."""
    connect()
    return ray_serve.http_address()


def application(name: str) -> "ApplicationStatusOverview | None":
    """What Ray Serve says of an application; None if there is none of that name."""
    from ray import serve

    connect()
    return serve.status().applications.get(name)
