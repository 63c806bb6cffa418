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
