"""An endpoint for a benchmark: started by z1ray's own code, with keys, on a Ray of its own, as a job starts it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from z1ray.connect import SERVE_ENV
from z1ray.ports import free_port
from z1ray.serving.config import ServeConfig

KEY = secrets.token_hex(16)
"""The one that it takes."""


def set_environment() -> None:
    """What Ray and the engines of a benchmark need to find, before anything is started."""
    os.environ.update(SERVE_ENV, HF_HUB_OFFLINE="1", RAY_AUTH_MODE="token", RAY_USAGE_STATS_ENABLED="0")
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


@contextmanager
def served(name: str, folder: Path, **settings: Any) -> Iterator[str]:
    """The address of an endpoint with one model; its other settings are ``ServeConfig``'s."""
    import ray

    from z1ray.serving import endpoint, rollout

    with ExitStack() as undo:
        keys = Path(undo.enter_context(TemporaryDirectory())) / "keys"
        keys.write_text(f"bench={KEY}\n")
        config = ServeConfig(
            models={name: str(folder.absolute())}, port=free_port(), api_keys=f"file:{keys}", **settings
        )
        ray.init(address="local", num_cpus=8, include_dashboard=False, log_to_driver=False)
        undo.callback(ray.shutdown)
        rollout.deploy(config, name, undo)
        yield endpoint.address(config)
