"""Running the tasks of a phase on Ray Data, only those that have not been done.

Ray Data streams the numbers of tasks through the cluster; texts stay in files. What a task
returned is kept as a small file, which also says that it is done: a run that was killed starts
again with the tasks that have none.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from z1ray.curation.progress import Phase
from z1ray.errors import UserError
from z1ray.files import write_json, writing

_Item = TypeVar("_Item")
Work = Callable[[_Item], dict[str, Any]]

# More blocks than this make Ray's driver busy with counting them.
_MAX_BLOCKS = 4096


def run_tasks(
    name: str,
    items: Sequence[_Item],
    names: Sequence[str],
    work: Work[_Item],
    done: Path,
    *,
    sizes: Sequence[int],
    parallelism: int | None,
) -> list[dict[str, Any]]:
    """Run one task per item that has not been done.

    Args:
        name: The phase's name for people.
        items: What the tasks work on; small, for they travel to every worker.
        names: A file name per item.
        work: Does one item; called in a worker, again if the worker dies.
        done: Folder of the files that say what the tasks returned.
        sizes: Rows of each item, for the progress.
        parallelism: Tasks that run at a time at most; None leaves it to the cluster.

    Returns:
        What the tasks returned, now or in an earlier run, in the order of the items.

    Raises:
        UserError: If a task raised one, or could not write.
    """
    paths = [done / f"{each}.json" for each in names]
    left = [number for number, path in enumerate(paths) if not path.exists()]
    phase = Phase(name, sum(sizes), sum(sizes) - sum(sizes[number] for number in left))
    for row in _run(partial(_do, items=items, paths=paths, work=work), left, parallelism):
        if row["refused"]:
            raise UserError(*json.loads(row["refused"]))
        phase.add(sizes[int(row["task"])])
    return [json.loads(path.read_text()) for path in paths]


def _run(do: Callable[[dict[str, Any]], dict[str, Any]], left: list[int], parallelism: int | None) -> Iterator[Any]:
    if not left:
        return
    import ray

    dataset = ray.data.from_items(
        [{"task": number} for number in left], override_num_blocks=min(len(left), _MAX_BLOCKS)
    )
    dataset.context.enable_progress_bars = False
    compute = ray.data.TaskPoolStrategy(size=parallelism)
    yield from dataset.map(do, compute=compute).iter_rows()


def _do(row: dict[str, Any], *, items: Sequence[_Item], paths: Sequence[Path], work: Work[_Item]) -> dict[str, Any]:
    number = int(row["task"])
    try:
        with writing(paths[number].parent):
            write_json(paths[number], work(items[number]))
    except UserError as error:
        # As data: Ray Data would wrap what is raised here, and the user's mistake would look like a crash.
        return {"task": number, "refused": json.dumps(error.args, default=str)}
    return {"task": number, "refused": ""}
