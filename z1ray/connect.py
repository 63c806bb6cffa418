"""Which Ray a stage runs on."""

import os

# Each actor of a stage takes a logical CPU, however idle it is.
_LOGICAL_CPUS = 8

SERVE_ENV = {
    "RAY_SERVE_USE_GRPC_BY_DEFAULT": "1",
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(2**31 - 1),
    "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "z1ray.serving.http.proxy:middlewares",
    "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
    "RAY_SERVE_METRICS_EXPORT_INTERVAL_MS": "1000",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_SERVE_PROXY_HEALTH_CHECK_TIMEOUT_S": "60",
    "RAY_prestart_worker_first_driver": "0",
}
"""Environment for every process of a Ray that serves.

Over gRPC a streamed chunk costs Serve's proxy, ingress and replica about 40 % less CPU than
through object references. Its messages are 4 MiB long at most unless more is allowed: an
answer of many choices with their log probabilities would fail once all of it is written.
The proxy's callback keeps headers out that it fails on (it imports z1ray where Ray runs).
Serve's controller looks around twice a second, not ten times; and no worker is started ahead,
as each that idles takes memory and a little of a core for good. A proxy that three times is
not ready in 5 s ends the start: on two cores on which engines load beside it, it needs more.
"""

ADDRESS_VARIABLES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")
"""What Ray follows rather than an address that it is given."""


def connect() -> None:
    """Join the cluster this job was submitted to; outside of a job, start a Ray of our own.

    Does nothing if this process is connected already.
    """
    import ray

    if ray.is_initialized():
        return
    if "RAY_ADDRESS" in os.environ:
        ray.init()
    else:
        os.environ.update(SERVE_ENV)
        ray.init(address="local", num_cpus=max(_LOGICAL_CPUS, os.cpu_count() or 1))
