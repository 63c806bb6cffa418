"""What Ray's metrics endpoint says of this process's cluster."""

import urllib.request
from collections.abc import Iterator
from urllib.error import URLError

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


def metrics_page() -> str:
    """The page of the only node, as Prometheus would read it; empty while the agent of a fresh cluster is not up."""
    import ray

    (node,) = (node for node in ray.nodes() if node["Alive"])
    address = f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics"
    try:
        with urllib.request.urlopen(address, timeout=60) as response:
            return str(response.read().decode())
    except URLError as error:
        if not isinstance(error.reason, ConnectionRefusedError):
            raise
        return ""


def samples() -> Iterator[Sample]:
    """Every sample on that page."""
    for family in text_string_to_metric_families(metrics_page()):
        yield from family.samples
