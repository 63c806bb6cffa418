"""torch: what z1ray uses of it that its documentation does not name as API. Checked with torch 2.13."""

from typing import Any


def fake_tensors() -> Any:
    """A mode (context manager) in which tensors have a shape and a type, and no data.

    Is ``torch._subclasses.fake_tensor.FakeTensorMode``.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    return FakeTensorMode()


def memory_tracker() -> Any:
    """What holds the bytes of tensors, by their kind, while the block runs.

    Is ``torch.distributed._tools.mem_tracker.MemTracker``, of which ``track_external`` and
    ``get_tracker_snapshot`` are used.
    """
    from torch.distributed._tools.mem_tracker import MemTracker

    return MemTracker()


def bytes_by_kind(tracker: Any, moment: str) -> dict[str, int]:
    """Bytes on the one device a tracker saw, by names such as ``Parameter``, ``Buffer`` and ``Total``.

    Args:
        tracker: From :func:`memory_tracker`, after its block.
        moment: ``current`` or ``peak``.
    """
    (sizes,) = tracker.get_tracker_snapshot(moment).values()
    return {str(getattr(kind, "value", kind)): int(size) for kind, size in sizes.items()}
