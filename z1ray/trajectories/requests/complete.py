"""The check at the end of a run: each request has one row, and few enough have an error instead of a text."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.dataset as ds

from z1ray.errors import UserError
from z1ray.trajectories.requests.reasons import reason


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
        answered = rows.filter(pc.is_valid(rows["request"]))
        np.add.at(answers, answered["request"].to_numpy(), 1)
        failed = answered.filter(pc.is_valid(answered["error"]))
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
            "allow a larger share and run again (no row is lost or made anew), or fix the cause and pass --force",
        )
