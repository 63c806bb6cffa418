"""Whether every model has a replica that answers: what a load balancer asks before it sends requests here.

Ray Serve's own ``/-/healthz`` speaks for its proxy alone, which is well while no engine is.
"""

import asyncio
import logging
import time
from collections.abc import Mapping
from typing import Any

from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle
from starlette.responses import JSONResponse, Response

from z1ray.serving.http.failures import error_response

_PATIENCE_S = 2.0
# Strangers may ask as often as they like.
_ASK_EVERY_S = 1.0

# Ray Serve's own logger, so that lines land in the log of the replica.
_log = logging.getLogger("ray.serve.z1ray")


class Readiness:
    """The state of an endpoint's models.

    Args:
        handles: The models' deployments by model name.
    """

    def __init__(self, handles: Mapping[str, DeploymentHandle[Any]]) -> None:
        self._handles = handles
        self._missing: list[str] = []
        self._asked: float | None = None
        self._asking = asyncio.Lock()

    async def respond(self) -> Response:
        """200, or 503 if a model has no replica that answers."""
        if missing := await self._ask():
            _log.warning("not ready: no replica answers for %s", ", ".join(missing))
            said = "not every model has a replica that answers; ask again later"
            return error_response(503, said, kind="server_error", code="not_ready", retry=True)
        return JSONResponse({"status": "ready"})

    async def _ask(self) -> list[str]:
        async with self._asking:
            if self._asked is None or time.monotonic() - self._asked > _ASK_EVERY_S:
                answers = await asyncio.gather(*map(_answers, self._handles.values()))
                self._missing = [name for name, ready in zip(self._handles, answers, strict=True) if not ready]
                self._asked = time.monotonic()
            return self._missing


async def _answers(handle: DeploymentHandle[Any]) -> bool:
    """True if a replica says that its engine is well, or all are too busy to say so."""
    asked = handle.check_health.remote()
    try:
        await asyncio.wait_for(asked, _PATIENCE_S)
    except BackPressureError:
        return True
    except TimeoutError:
        asked.cancel()  # type: ignore[no-untyped-call]
        return await asyncio.to_thread(_runs, handle)
    except (RayError, RayServeException):
        return False
    return True


def _runs(handle: DeploymentHandle[Any]) -> bool:
    """True if Ray Serve, which asks each replica for its health, counts one as running."""
    app = serve.get_replica_context().app_name
    deployment = serve.status().applications[app].deployments[handle.deployment_name]
    return bool(deployment.replica_states.get("RUNNING", 0))  # type: ignore[call-overload]
