"""Ray Serve still has what z1ray uses of its internals."""

import inspect


def test_the_address_of_a_running_serve_is_known() -> None:
    """Serving refuses a second address on one cluster by it."""
    from ray.serve._private.client import ServeControllerClient
    from ray.serve.config import HTTPOptions
    from ray.serve.context import _get_global_client

    assert "raise_if_no_controller_running" in inspect.signature(_get_global_client).parameters
    assert isinstance(ServeControllerClient.http_config, property)
    assert {"host", "port"} <= set(HTTPOptions.model_fields)


def test_autoscaling_takes_a_policy_as_the_simulation_calls_it() -> None:
    """The tests of autoscaling run Ray's own bounds and delays around the policy."""
    from ray.serve.autoscaling_policy import _apply_autoscaling_config
    from ray.serve.config import AutoscalingContext

    assert len(inspect.signature(_apply_autoscaling_config).parameters) == 1
    wanted = {"total_queued_requests", "raw_metrics", "target_num_replicas"}
    assert wanted <= {name.lstrip("_") for name in inspect.signature(AutoscalingContext).parameters}


def test_an_application_carries_the_versions_it_was_given() -> None:
    """Without them every update restarts every engine."""
    from ray import serve
    from ray.serve._private.build_app import build_app

    from z1ray.upstream.ray_serve import set_version, version_of

    class Part:
        def __init__(self, *parts: object) -> None:
            """Takes other parts."""

    inner = serve.deployment(name="inner")(Part).bind()
    outer = serve.deployment(name="outer", max_surge_percent=25)(Part).bind(inner)
    set_version(inner, "v1")
    set_version(outer, "v2")
    assert version_of(outer) == "v2"
    built = build_app(outer, name="app")
    assert {part.name: part.version for part in built.deployments} == {"inner": "v1", "outer": "v2"}


def test_the_controller_takes_a_target_as_its_clients_write_it() -> None:
    """An update that fails is taken back by it."""
    from ray.serve._private.controller import ServeController
    from ray.serve._private.deployment_info import DeploymentInfo
    from ray.serve.api import delete
    from ray.serve.generated.serve_pb2 import DeploymentArgs  # type: ignore[attr-defined]

    assert {"list_deployments_internal", "deploy_applications"} <= set(dir(ServeController))
    sent = {"deployment_name", "deployment_config", "replica_config", "deployer_job_id", "route_prefix", "ingress"}
    assert sent <= set(DeploymentArgs.DESCRIPTOR.fields_by_name)
    kept = {"deployment_config", "replica_config", "deployer_job_id", "version", "route_prefix", "ingress"}
    assert kept <= set(inspect.signature(DeploymentInfo).parameters)
    assert "_blocking" in inspect.signature(delete).parameters


def test_an_update_can_start_the_new_before_it_stops_the_old_and_ends_where_it_fails() -> None:
    """Both are what no other setting of Ray Serve gives: no moment without a replica, and the old version kept."""
    from ray.serve._private.constants import RAY_SERVE_STOP_FAILED_ROLLING_UPDATES
    from ray.serve.schema import DeploymentSchema

    assert "max_surge_percent" in DeploymentSchema.model_fields
    assert RAY_SERVE_STOP_FAILED_ROLLING_UPDATES


def test_a_handle_knows_how_many_wait_for_a_replica() -> None:
    """Budgets shrink by it before the queue is full."""
    from ray.serve._private.router import AsyncioRouter, CurrentLoopRouter, RouterMetricsManager, SingletonThreadRouter
    from ray.serve.handle import DeploymentHandle

    assert "self._router: " in inspect.getsource(DeploymentHandle.__init__)
    for router in (SingletonThreadRouter, CurrentLoopRouter):
        assert "self._asyncio_router = AsyncioRouter(" in inspect.getsource(router.__init__)
    assert "self._metrics_manager = RouterMetricsManager(" in inspect.getsource(AsyncioRouter.__init__)
    assert "self.num_queued_requests = 0" in inspect.getsource(RouterMetricsManager.__init__)
