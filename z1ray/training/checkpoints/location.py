"""Where a run's checkpoints lie: a folder that all nodes see, or any other storage."""

import json
import uuid
from pathlib import Path

from z1ray.errors import UserError
from z1ray.files import write_json
from z1ray.storage import Storage, open_storage

FIELD = "train.checkpoint.storage"
STATE = "state"
"""Folder in the stage's own of what only an unfinished run needs."""
_FOLDER = "checkpoints"
_RUN = "run.json"


def begin_run(state: Path, where: str | None) -> None:
    """Settle where the checkpoints of a new run go.

    Two runs never share a folder: the one of this run carries a name of its own.

    Args:
        state: The run's folder of what only an unfinished run needs.
        where: ``train.checkpoint.storage``.
    """
    write_json(state / _RUN, {"storage": where, "id": f"z1ray-{uuid.uuid4().hex[:12]}"})


def of_run(state: Path) -> Storage:
    """Where the checkpoints of the run with this state folder lie."""
    run = json.loads((state / _RUN).read_text())
    if run["storage"] is None:
        return open_storage(str(state.resolve() / _FOLDER), FIELD)
    return open_storage(run["storage"], FIELD).below(run["id"])


def discard_run(state: Path) -> None:
    """Remove a run's checkpoints from wherever they lie outside of its state folder; nothing if there are none.

    Raises:
        UserError: If they cannot be removed.
    """
    path = state / _RUN
    if not path.exists() or json.loads(path.read_text())["storage"] is None:
        return
    storage = of_run(state)
    try:
        storage.remove()
    except OSError as error:
        raise UserError(
            FIELD, storage.shown, f"old checkpoints cannot be removed from it: {error}", "remove that folder yourself"
        ) from error
