"""Ray Train: what z1ray uses of it that its documentation does not name as API. Checked with Ray 2.60."""

from collections.abc import Iterator
from typing import Any


def worker_errors(error: Any) -> Iterator[BaseException]:
    """What workers raised, from the ``TrainingFailedError`` that ended a run for it; nothing from any other error.

    Relies on ``worker_failures`` of ``ray.train.v2.api.exceptions.WorkerGroupError`` and ``_base_exc`` of its values,
    where Ray wrapped one.
    """
    for failure in getattr(error, "worker_failures", {}).values():
        yield getattr(failure, "_base_exc", failure)
