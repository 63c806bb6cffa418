"""The rows of a run: ready ones taken over, each request answered once, few enough without a text."""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from z1ray.errors import UserError
from z1ray.records import TRAJECTORY, Row
from z1ray.trajectories.requests.reasons import reason

_READY = "ready-00000.parquet"

# Ready rows per row group.
_GROUP = 1 << 12


def take_over(rows: Iterator[Row], data: Path) -> None:
    """Write ready trajectories into ``data``, all or none; once is enough.

    Args:
        rows: ``TRAJECTORY`` rows, streamed; not touched if they are there already.
        data: Folder of the run's rows.
    """
    if (data / _READY).exists():
        return
    groups = iter(lambda: list(islice(rows, _GROUP)), [])
    first = next(groups, None)
    if first is None:
        return
    # Beside `data`, whose readers take every file in it.
    partial = data.parent / f"{_READY}.partial"
    with pq.ParquetWriter(partial, TRAJECTORY) as file:
        for group in (first, *groups):
            file.write_table(pa.Table.from_pylist(group, schema=TRAJECTORY))
    data.mkdir(exist_ok=True)
    partial.replace(data / _READY)


def require_complete(data: Path, num_requests: int, max_quarantined_share: float) -> None:
    """Check the rows of a run that has come to its end; one byte of memory per request.

    Args:
        data: Folder of the rows.
        num_requests: Requests of the table.
        max_quarantined_share: Share of them that may have an error instead of a text.

    Raises:
        UserError: If more are quarantined, with the reasons and the first.
    """
    answers = np.zeros(num_requests, np.uint8)
    reasons: Counter[str] = Counter()
    first = ""
    for rows in ds.dataset(data, format="parquet").to_batches(columns=["request", "trajectory_id", "error"]):
        asked = rows.filter(pc.is_valid(rows["request"]))
        np.add.at(answers, asked["request"].to_numpy(), 1)
        failed = asked.filter(pc.is_valid(asked["error"]))
        reasons.update(reason(error) for error in failed["error"].to_pylist())
        if failed.num_rows and not first:
            first = f"{failed['trajectory_id'][0]}: {failed['error'][0]}"
    assert (answers == 1).all(), f"{(answers == 0).sum()} requests lost, {(answers > 1).sum()} answered twice"
    if reasons.total() > max_quarantined_share * num_requests:
        raise UserError(
            "generate.max_quarantined_share",
            max_quarantined_share,
            f"{reasons.total()} of {num_requests} requests are quarantined "
            f"({', '.join(f'{name} {count}' for name, count in reasons.most_common())}), first {first}",
            "allow a larger share and run again (no row is lost or made anew), or mend the cause and pass --force",
        )
