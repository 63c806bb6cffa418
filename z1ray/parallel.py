"""Work on many items side by side: as many at a time as the cluster has room for, each reported as it ends."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from z1ray.errors import UserError

_Item = TypeVar("_Item")

# More blocks than this make Ray's driver busy with counting them.
_MAX_BLOCKS = 4096


def each(items: Sequence[_Item], work: Callable[[_Item], None], parallelism: int | None) -> Iterator[int]:
    """Call ``work`` with each item in a worker, on Ray Data.

    Args:
        items: Small, for all of them travel to every worker.
        work: Leaves its result in a file; called again if its worker dies.
        parallelism: Items worked on at a time at most; None leaves it to the cluster.

    Yields:
        The number of each item once it is done, in the order they end.

    Raises:
        UserError: If ``work`` raised one.
    """
    if not items:
        return
    import ray

    numbers = [{"item": number} for number in range(len(items))]
    dataset = ray.data.from_items(numbers, override_num_blocks=min(len(items), _MAX_BLOCKS))
    dataset.context.enable_progress_bars = False
    compute = ray.data.TaskPoolStrategy(size=parallelism)
    for row in dataset.map(partial(_do, items=items, work=work), compute=compute).iter_rows():
        if row["refused"]:
            raise UserError(*json.loads(row["refused"]))
        yield int(row["item"])


def _do(row: dict[str, Any], *, items: Sequence[_Item], work: Callable[[_Item], None]) -> dict[str, Any]:
    refused = ""
    try:
        work(items[int(row["item"])])
    except UserError as error:
        # As data: Ray Data would wrap what is raised here, and the user's mistake would look like a crash.
        refused = json.dumps(error.args, default=str)
    return {"item": row["item"], "refused": refused}
