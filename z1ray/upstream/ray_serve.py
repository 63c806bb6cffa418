"""Ray Serve: what z1ray uses of it that its documentation does not name as API. Checked with Ray 2.60."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ray.serve import Application


def http_address() -> tuple[str, int] | None:
    """Host and port of this cluster's Ray Serve; None if it does not run. Ray has no public call for it.

    Relies on ``ray.serve.context._get_global_client`` and the ``http_config`` of the client it returns.
    """
    from ray.serve.context import _get_global_client

    client = _get_global_client(raise_if_no_controller_running=False)
    return None if client is None else (client.http_config.host, client.http_config.port)


def set_version(app: "Application", version: str) -> None:
    """Give an application's outermost deployment a version of ours.

    Ray invents one at each deployment and so restarts every replica. Replicas whose version stays are
    kept, and are told of a changed ``user_config`` while they run.

    Relies on ``Application._bound_deployment`` and ``Deployment._version``.
    """
    app._bound_deployment._version = version


def version_of(app: "Application") -> str:
    """The version that :func:`set_version` gave."""
    return str(app._bound_deployment._version)


@dataclass(frozen=True)
class Target:
    """What Ray Serve is to run as an application.

    Attributes:
        route_prefix: Where HTTP requests reach it; None if nowhere.
        ingress_version: Version of the deployment that they reach.
        versions: Version of each deployment by its name.
    """

    route_prefix: str | None
    ingress_version: str
    versions: dict[str, str]
    _deployments: list[bytes] = field(repr=False, compare=False)


def targets() -> dict[str, Target]:
    """What the controller is to run, by application.

    Relies on its ``list_deployments_internal``, and on ``DeploymentArgs``, which its clients send it.
    """
    import ray

    found: dict[str, dict[str, Any]] = {}
    for each, (info, _) in ray.get(_controller().list_deployments_internal.remote()).items():
        found.setdefault(each.app_name, {})[each.name] = info
    return {app: target for app, infos in found.items() if (target := _target(infos)) is not None}


def redeploy(app: str, target: Target) -> None:
    """Make an earlier target of an application its target again; what still runs of those versions is kept.

    Relies on ``deploy_applications`` of the controller.
    """
    import ray
    from ray.serve.generated.serve_pb2 import ApplicationArgs  # type: ignore[attr-defined]

    options = {app: ApplicationArgs().SerializeToString()}
    ray.get(_controller().deploy_applications.remote({app: target._deployments}, options))


def delete(app: str) -> None:
    """Have an application deleted; it ends when its requests have (``serve.delete`` gives up after a minute)."""
    from ray import serve

    serve.delete(app, _blocking=False)


def _target(infos: dict[str, Any]) -> Target | None:
    ingress = next((info for info in infos.values() if info.ingress), None)
    if ingress is None:
        return None
    versions = {name: info.version for name, info in infos.items()}
    deployments = [_arguments(name, info) for name, info in infos.items()]
    return Target(ingress.route_prefix, ingress.version, versions, deployments)


def _arguments(name: str, info: Any) -> bytes:
    from ray.serve.generated.serve_pb2 import DeploymentArgs  # type: ignore[attr-defined]

    arguments = DeploymentArgs(
        deployment_name=name,
        deployment_config=info.deployment_config.to_proto_bytes(),
        replica_config=info.replica_config.to_proto_bytes(),
        deployer_job_id=info.deployer_job_id,
        route_prefix=info.route_prefix if info.ingress else None,
        ingress=info.ingress,
    )
    return bytes(arguments.SerializeToString())


def _controller() -> Any:
    from ray.serve.context import _get_global_client

    client = _get_global_client()
    assert client is not None, "Ray Serve runs"
    return client._controller
