"""Deploys an endpoint, over itself where it runs already; undoes an update that fails.

Ray Serve starts the new version of a part beside the old one, sends new requests to
it once it is healthy, and lets the old one finish what it has begun. Parts whose
version stays (``z1ray.serving.versions``) are kept.
"""

import json
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from z1ray.errors import UserError
from z1ray.progress import say
from z1ray.serving.config import ServeConfig
from z1ray.serving.endpoint import address, application, serving_at
from z1ray.serving.quota import keeper
from z1ray.upstream import ray_serve
from z1ray.upstream.ray_serve import Target

if TYPE_CHECKING:
    from ray.serve.schema import ApplicationStatusOverview

# A look at the status takes a process of many modules over a second of a core on which engines are starting.
_LOOK_EVERY_S = 4.0
_POLL_S = 1.0
_TELL_EVERY_S = 15.0
_ROUTES_TIMEOUT_S = 180.0
_STOP_MARGIN_S = 60.0
_REASON_LINES = 4
# Serve tells what a replica needs at the end of a line of 400.
_REASON_WIDTH = 480


def deploy(config: ServeConfig, name: str, undo: ExitStack) -> str:
    """Deploy the endpoint and wait until this version of it answers; one that runs serves until then.

    Args:
        config: What to serve.
        name: The application's name.
        undo: Receives the call that takes the change back: to what ran before, else to nothing.

    Returns:
        The version that is deployed, for ``z1ray.serving.endpoint.is_up``.

    Raises:
        UserError: If it does not come up, or not in time, or another job deploys over it meanwhile.
    """
    from ray import serve

    from z1ray.serving.app import build_app

    app = build_app(config)
    if serving_at() is None:
        serve.start(http_options={"host": config.host, "port": config.port})
    update = _Update(config, name, ray_serve.version_of(app), ray_serve.targets().get(name))
    undo.callback(update.undo)
    if update.before is not None:
        say(f"updating the endpoint {name!r}, which goes on serving meanwhile")
    run = serve.RunTarget(app, name=name, route_prefix=config.route_prefix)
    serve.run_many([run], wait_for_ingress_deployment_creation=False, wait_for_applications_running=False)
    update.wait()
    _wait_until_routed(config)
    return update.version


def stop(config: ServeConfig, name: str) -> None:
    """End the endpoint once its requests have ended, and Ray Serve with it if that has nothing else to run."""
    from ray import serve

    ray_serve.delete(name)
    deadline = time.monotonic() + config.drain_timeout_s + _STOP_MARGIN_S
    while application(name) is not None:
        if time.monotonic() > deadline:
            say(f"the endpoint {name!r} is still finishing its requests")
            return
        time.sleep(_POLL_S)
    if config.quota_store is not None:
        keeper.end(config.quota_store)
    if not serve.status().applications:
        serve.shutdown()  # type: ignore[no-untyped-call]


class _Update:
    """One deployment of an endpoint, to wait for or to take back.

    Args:
        config: What is to be served.
        name: The application's name.
        version: The version that is being deployed.
        before: What ran under that name, None if nothing did.
    """

    def __init__(self, config: ServeConfig, name: str, version: str, before: Target | None) -> None:
        self.version, self.before = version, before
        self._config, self._name = config, name

    def undo(self) -> None:
        """Have Ray Serve run what ran before; not if another job has deployed something else by now."""
        if self._superseded():
            return
        if self.before is None:
            stop(self._config, self._name)
        else:
            ray_serve.redeploy(self._name, self.before)
            say(f"the endpoint {self._name!r} stays as it was")

    def wait(self) -> None:
        """Return when all parts run in this version and the replicas of the last one are gone.

        Raises:
            UserError: If a part fails, for ``start_timeout_s`` nothing changes, or another version takes its place.
        """
        began = changed = time.monotonic()
        tell_at, seen = 0.0, ""
        patience = self._config.start_timeout_s + (self._config.drain_timeout_s if self.before else 0)
        while True:
            app, now = application(self._name), time.monotonic()
            if self._has_come(app):
                return
            if seen != (seen := _progress(app)):
                changed = now
            if now - changed > patience:
                timeout = self._config.start_timeout_s
                raise _not_up("serve.start_timeout_s", timeout, "were not healthy in that time", app)
            if now - began >= tell_at:
                say(f"starting {', '.join(self._config.models)}: {seen}, {now - began:.0f} s")
                tell_at = now - began + _TELL_EVERY_S
            time.sleep(_LOOK_EVERY_S)

    def _has_come(self, app: "ApplicationStatusOverview | None") -> bool:
        if self._superseded():
            problem = f"another job deployed another version of {self._name!r} over this one"
            raise UserError("name", self._name, problem, "give each endpoint a name of its own")
        if app is None:
            return False
        # While it updates, an engine of the last version may fail and be replaced.
        if app.status.value == "DEPLOY_FAILED" or (app.status.value == "UNHEALTHY" and self.before is None):
            raise _not_up("serve.models", self._config.models, "did not start", app)
        return app.status.value == "RUNNING" and self._target_version() == self.version

    def _superseded(self) -> bool:
        return self._target_version() not in {None, self.version, self.before and self.before.ingress_version}

    def _target_version(self) -> str | None:
        target = ray_serve.targets().get(self._name)
        return None if target is None else target.ingress_version


def _wait_until_routed(config: ServeConfig) -> None:
    """The HTTP proxy hears a moment later of a running application, and of the new version of its ingress."""
    import openai

    from z1ray.serving.health import client

    wanted = {name: json.loads(json.dumps(asdict(config.window_of(name)))) for name in config.models}
    deadline = time.monotonic() + _ROUTES_TIMEOUT_S
    with client(address(config), config.api_keys) as api:
        while True:
            try:
                if {card.id: _window(card) for card in api.models.list()} == wanted:
                    return
            except openai.APIError:
                if time.monotonic() > deadline:
                    raise
            assert time.monotonic() < deadline + _ROUTES_TIMEOUT_S, "the proxy routes to another version"
            time.sleep(_POLL_S)


def _window(card: Any) -> Any:
    return (card.model_extra or {}).get("metadata", {}).get("window")


def _progress(app: "ApplicationStatusOverview | None") -> str:
    """How many replicas of each model are in which state, and why not more."""
    if app is None:
        return "deploying"
    reasons = _reasons(app)
    parts = [f"{name}: {_states(part.replica_states)}" for name, part in app.deployments.items()]
    return "; ".join(parts) + (f" ({reasons[-1]})" if reasons else "")


def _states(replicas: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {state.lower()}" for state, count in sorted(replicas.items())) or "none yet"


def _not_up(field: str, value: object, problem: str, app: "ApplicationStatusOverview | None") -> UserError:
    reasons = [] if app is None else _reasons(app)
    return UserError(
        field,
        value,
        "\n    ".join([f"the engines {problem}" + (", and Ray Serve says:" if reasons else ""), *reasons]),
        "fix the cause that Ray Serve names, or raise serve.start_timeout_s; an update that has no room beside the "
        "engines that run needs serve.surge_percent=0; the whole log is in the dashboard under Serve, and in serve/ "
        "of Ray's log folder",
    )


def _reasons(app: "ApplicationStatusOverview") -> list[str]:
    """The last lines of Serve's messages about the deployments that are not healthy."""
    unhealthy = [part.message for part in app.deployments.values() if part.status.value != "HEALTHY"]
    lines = [line.strip() for text in unhealthy for line in text.splitlines()]
    return [line[:_REASON_WIDTH] for line in lines if line.strip("^~ ")][-_REASON_LINES:]
