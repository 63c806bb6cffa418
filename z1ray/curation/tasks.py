"""Running the tasks of a phase on Ray Data, only those that have not been done.

Ray Data streams the numbers of tasks through the cluster; texts stay in files. What a task
returned is kept as a small file, which also says that it is done: a run that was killed starts
again with the tasks that have none.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from z1ray import parallel
from z1ray.files import write_json, writing
from z1ray.rows import Phase

_Item = TypeVar("_Item")
Work = Callable[[_Item], dict[str, Any]]


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
    phase = Phase("curate", name, sum(sizes), sum(sizes) - sum(sizes[number] for number in left))
    keep = partial(_keep, work=work)
    for place in parallel.each([(items[number], paths[number]) for number in left], keep, parallelism):
        phase.add(sizes[left[place]])
    return [json.loads(path.read_text()) for path in paths]


def _keep(task: tuple[_Item, Path], *, work: Work[_Item]) -> None:
    item, path = task
    with writing(path.parent):
        write_json(path, work(item))
