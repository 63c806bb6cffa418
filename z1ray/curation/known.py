"""Verdicts that another dataset of the same trajectories has: no test is run a second time."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from z1ray import artifacts, identity
from z1ray.curation import store
from z1ray.curation.config import CurateConfig
from z1ray.curation.layout import Shared
from z1ray.curation.rows import NOT_PASSED, PASSED, Rows
from z1ray.curation.text.words import Array
from z1ray.errors import UserError

_COLUMNS = ["trajectory_id", "verified", "verdict"]


def require_same(config: CurateConfig) -> None:
    """Refuse a dataset of other trajectories, or one whose tests ran under other limits."""
    if config.verdicts is None:
        return
    folder = Path(config.verdicts)
    inputs = artifacts.manifest(folder, "curate.verdicts")["inputs"]
    trajectories = Path(config.trajectories)
    settings, own = artifacts.begun_settings(folder), identity.values(config)
    limits = [name for name in own if name.startswith("sandbox.")]
    if inputs != {str(trajectories): artifacts.input_id(trajectories)}:
        problem = f"it was not made from {config.trajectories} as they are now"
    elif any(settings[name] != own[name] for name in limits):
        problem = "its tests ran under other limits (curate.sandbox)"
    else:
        return
    raise UserError("curate.verdicts", config.verdicts, problem, "name another dataset, or leave it out")


def take_over(rows: Rows, checked: Array, shared: Shared) -> Array:
    """Leave the known verdicts among those of this run, once.

    Args:
        rows: All rows.
        checked: Numbers of the rows whose verdict is needed.
        shared: What names the other dataset; without one nothing is known.

    Returns:
        Numbers of the rows that need no test any more.
    """
    path = shared.layout.phase("verdicts") / "known.parquet"
    # A run that goes on must not take over what it has tested itself since.
    if not path.exists():
        table = _known(rows, checked, shared.config.verdicts)
        store.write_columns(path, {name: table[name] for name in table.column_names})
    numbers: Array = pq.read_table(path, columns=["row"])["row"].to_numpy()
    return numbers


def sandboxes(config: CurateConfig) -> set[str]:
    """The kinds of sandbox that the other dataset's tests ran in."""
    if config.verdicts is None or not config.verify:
        return set()
    return set(artifacts.manifest(Path(config.verdicts))["sandbox"])


def _known(rows: Rows, checked: Array, folder: str | None) -> pa.Table:
    """The verdicts by number of row, for rows among ``checked`` only; those of checks that failed are not known."""
    numbers, verified, verdicts = [], [], []
    order = checked[np.argsort(rows.random[checked])]
    hashes = rows.random[order]
    batches = ds.dataset(f"{folder}/data", format="parquet").to_batches(columns=_COLUMNS) if folder else ()
    for batch in batches:
        found = batch.filter(batch["verified"].is_valid())
        own = store.id_hashes(found["trajectory_id"].to_pylist())
        places = np.minimum(np.searchsorted(hashes, own), max(0, len(hashes) - 1))
        hit = np.flatnonzero(hashes[places] == own) if len(hashes) else np.empty(0, dtype=np.int64)
        numbers.append(order[places[hit]])
        verified.append(np.where(found["verified"].to_numpy(zero_copy_only=False)[hit], PASSED, NOT_PASSED))
        verdicts.append(found["verdict"].take(pa.array(hit)))
    blank = np.empty(0, dtype=np.int64)
    return pa.table(
        {
            "row": pa.array(np.concatenate([blank, *numbers]), pa.int64()),
            "verified": pa.array(np.concatenate([blank, *verified]), pa.int64()),
            "verdict": pa.chunked_array(verdicts, pa.string()),
        }
    )
