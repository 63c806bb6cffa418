"""Ray Train still has what z1ray's upstream functions rely on."""

from z1ray.upstream.ray_train import worker_errors


def test_the_errors_of_workers_are_found_in_what_ended_the_run():
    """Wrapped by Ray or not; an error of another kind holds none."""
    from ray.train.v2._internal.exceptions import UserExceptionWithTraceback
    from ray.train.v2.api.exceptions import WorkerGroupError

    full = OSError(28, "No space left on device")
    failures = {0: UserExceptionWithTraceback(full, "its traceback"), 1: ValueError("other")}
    found = list(worker_errors(WorkerGroupError("both failed", failures)))
    assert found[0] is full
    assert isinstance(found[1], ValueError)
    assert list(worker_errors(RuntimeError("a node is missing"))) == []
