"""What depends on the hardware is told where there is hardware to tell about."""

import pytest
import torch

from tests.training.conftest import MakeConfig
from z1ray.training.report.speed import Speedometer


def test_nothing_is_claimed_of_a_cpu(make_config: MakeConfig) -> None:
    """Its peak is in no table: a share of a guess would be read as a measurement."""
    assert Speedometer(make_config()).figures([100], 50, seconds=1.0) == {}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_has_utilisation_and_peak_memory(make_config: MakeConfig) -> None:
    """Half the time is twice the utilisation, and memory is what torch has held at most."""
    speed = Speedometer(make_config({"device": "gpu", "num_workers": 1, "precision": "bf16"}))
    held = torch.empty(1 << 28, dtype=torch.uint8, device="cuda")
    slow, fast = (speed.figures([2000] * 64, 64_000, seconds=seconds) for seconds in (0.02, 0.01))
    assert 0 < slow["mfu"] < 1
    assert fast["mfu"] == pytest.approx(2 * slow["mfu"], rel=0.01)
    assert slow["peak_memory_bytes"] >= held.nbytes
