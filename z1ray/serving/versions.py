"""Versions of an endpoint's parts: at an update, Ray Serve keeps the replicas of those whose version stays.

An engine is restarted only for what it cannot take on while it runs: its
settings, its model's files, or the code. All else (windows, queues, bounds and
delays of autoscaling, draining) reaches it running. The ingress, which has no
engine and starts in seconds, is replaced for any change; so its version stands
for the whole endpoint.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from z1ray.models import lookup
from z1ray.serving.config import ServeConfig

JOB_SETTINGS = frozenset({"keep_running", "start_timeout_s", "system_prompt", "check_budget"})
"""Settings of the job that starts and checks an endpoint, which the endpoint itself does not have."""

_SOURCES = frozenset({".py", ".js", ".css", ".html"})


def engine_version(settings: Mapping[str, Any], source: str) -> str:
    """The version of a model's replicas.

    Args:
        settings: What ``z1ray.serving.replica.deployment.llm_settings`` made; its ``deployment_config``
            does not count, because Ray Serve changes that while they run.
        source: The model's folder or hub name.
    """
    heavy = {key: value for key, value in settings.items() if key != "deployment_config"}
    return _digest([_code(), _files(source), heavy])


def ingress_version(config: ServeConfig, engines: Mapping[str, str]) -> str:
    """The version of the ingress, and so of the endpoint.

    Args:
        config: The endpoint's settings.
        engines: Version of each model's replicas.
    """
    settings = {key: value for key, value in asdict(config).items() if key not in JOB_SETTINGS}
    return _digest([_code(), settings, dict(engines)])


def _files(source: str) -> list[tuple[str, int, int]]:
    """The files of a model's folder: names, sizes, times. Trained anew into the same folder, a model is another one."""
    if lookup.is_hub_name(source):
        return []
    folder = Path(source)
    found = [(path, path.stat()) for path in sorted(folder.rglob("*")) if path.is_file()]
    return [(str(path.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for path, stat in found]


@cache
def _code() -> str:
    """A digest of z1ray's own source."""
    package = Path(__file__).parents[1]
    files = sorted(path for path in package.rglob("*") if path.suffix in _SOURCES)
    return _digest([(str(path.relative_to(package)), path.read_text(encoding="utf-8")) for path in files])


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
