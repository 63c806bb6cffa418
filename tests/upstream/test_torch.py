"""torch still has what z1ray's upstream functions call."""

from z1ray.upstream.torch import bytes_by_kind, fake_tensors, memory_tracker


def test_a_tracker_tells_bytes_by_kind_without_holding_any():
    """A model of 10 GB is traced in a process that could not hold it."""
    import torch

    with fake_tensors():
        model = torch.nn.Linear(50_000, 50_000, bias=False)
        tracker = memory_tracker()
        tracker.track_external(model)
        with tracker:
            kept = model(torch.empty(4, 50_000))
        sizes = bytes_by_kind(tracker, "current")
    assert {"Parameter", "Buffer", "Total"} <= sizes.keys()
    assert sizes["Parameter"] == 50_000 * 50_000 * 4
    assert sizes["Total"] - sizes["Parameter"] >= kept.numel() * 4
    assert bytes_by_kind(tracker, "peak")["Total"] >= sizes["Total"]
