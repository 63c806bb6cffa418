"""What a job says of an endpoint that does not come up."""

from contextlib import ExitStack
from typing import Any

import pytest
from ray import serve
from ray.serve._private.common import DeploymentStatus, DeploymentStatusTrigger, ReplicaState
from ray.serve.schema import (
    ApplicationStatus,
    ApplicationStatusOverview,
    DeploymentStatusOverview,
)

from z1ray.errors import UserError
from z1ray.serving import app, rollout
from z1ray.serving.config import ServeConfig
from z1ray.upstream import ray_serve

# As Ray Serve 2.60 words it.
NO_ROOM = (
    "Deployment 'WindowServer:z1-miniature' in application 'prod' has 1 replicas that have taken more than 30s to be "
    "scheduled. This may be due to waiting for the cluster to auto-scale or for a runtime environment to be installed. "
    'Resources required for each replica: [{"CPU": 2.0, "GPU": 0.0}], total resources available: {}. '
    "Use `ray status` for more details."
)


def waiting() -> ApplicationStatusOverview:
    """An endpoint whose engine finds no room."""
    engine = DeploymentStatusOverview(
        DeploymentStatus.UPDATING, DeploymentStatusTrigger.CONFIG_UPDATE_STARTED, {ReplicaState.STARTING: 1}, NO_ROOM
    )
    return ApplicationStatusOverview(ApplicationStatus.DEPLOYING, "", 0.0, {"WindowServer:z1-miniature": engine})


def test_an_endpoint_without_room_tells_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Serve names the missing resources at the end of a long line; cut off before, it leaves the operator to guess."""
    parts: list[tuple[Any, str, Any]] = [
        (app, "build_app", lambda config: None),
        (serve, "run_many", lambda *args, **kwargs: None),
        (rollout, "serving_at", lambda: ("127.0.0.1", 8000)),
        (rollout, "application", lambda name: waiting()),
        (rollout, "_LOOK_EVERY_S", 0.0),
        (ray_serve, "version_of", lambda app: "new"),
        (ray_serve, "targets", dict),
    ]
    for place, name, stand_in in parts:
        monkeypatch.setattr(place, name, stand_in)
    config = ServeConfig(models={"z1-miniature": "unused"}, start_timeout_s=0.01)
    with pytest.raises(UserError, match="surge_percent=0") as refused:
        rollout.deploy(config, "prod", ExitStack())
    assert '"CPU": 2.0' in refused.value.problem
    assert '"CPU": 2.0' in capsys.readouterr().out
