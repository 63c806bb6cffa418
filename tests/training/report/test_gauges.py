"""A training is on Ray's dashboards while it runs."""

import time

import pytest

from tests.scrape import samples
from z1ray.training.report import gauges
from z1ray.training.report.gauges import Gauges

PATIENCE_S = 120.0


def scraped(run: str) -> dict[str, float]:
    """A run's gauges in the metrics endpoint of this process's Ray, without Ray's prefix."""
    return {each.name.removeprefix("ray_"): each.value for each in samples() if each.labels.get("run") == run}


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_the_newest_step_is_in_rays_metrics() -> None:
    """By the run's name, with no gauge for what a step has no figure for: an MFU of 0 would be a lie."""
    shown = Gauges("gauges-test")
    shown.show({"step": 1, "loss": 2.5})
    shown.show({"step": 2, "steps_left": 6, "seconds_left": 12.5, "loss": 2.25, "fill_ratio": 0.75, "num_tokens": 9})
    expected = {
        gauges.STEP: 2.0,
        gauges.STEPS_LEFT: 6.0,
        gauges.SECONDS_LEFT: 12.5,
        gauges.LOSS: 2.25,
        gauges.FILL_RATIO: 0.75,
    }
    deadline = time.monotonic() + PATIENCE_S
    while (seen := scraped("gauges-test")) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    assert seen == expected
