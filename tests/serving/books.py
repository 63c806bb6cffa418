"""What the book of quotas says of a key."""

import time
from pathlib import Path

import ray

from z1ray.serving.config import ServeConfig
from z1ray.serving.quota.book import Balance
from z1ray.serving.quota.keeper import keeper
from z1ray.serving.serve import with_store

# Of a replica that died, after its lease; else once a busy machine has noticed that clients have gone.
_PATIENCE_S = 300.0


def settled(config: ServeConfig, output: Path, key: str) -> Balance:
    """The sums of a key of an endpoint, once all its requests have ended."""
    store = with_store(config, output).quota_store
    assert store is not None
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        sums: Balance = ray.get(keeper(store).balance.remote(key))
        if not sums.open:
            return sums
        assert time.monotonic() < deadline, sums
        time.sleep(0.1)
