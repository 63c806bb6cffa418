"""Ray Serve: what z1ray uses of it that its documentation does not name as API. Checked with Ray 2.60."""


def http_address() -> tuple[str, int] | None:
    """Host and port of this cluster's Ray Serve; None if it does not run. Ray has no public call for it.

    Relies on ``ray.serve.context._get_global_client`` and the ``http_config`` of the client it returns.
    """
    from ray.serve.context import _get_global_client

    client = _get_global_client(raise_if_no_controller_running=False)
    return None if client is None else (client.http_config.host, client.http_config.port)
