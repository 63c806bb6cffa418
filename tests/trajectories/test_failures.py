"""Failed requests are counted, and too many end the run after their rows are written."""

import pytest

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.trajectories.config import GenerateConfig, ModeConfig
from z1ray.trajectories.generate import _require_few_failures, summary


def rows(num_failed, num_rows=10):
    return [
        {
            "trajectory_id": f"x/{i}#long#0",
            "mode": "long",
            "num_tokens": 0 if i < num_failed else 7,
            "finish_reason": "error" if i < num_failed else "stop",
            "error": "too hot" if i < num_failed else None,
        }
        for i in range(num_rows)
    ]


def config(share) -> GenerateConfig:
    return GenerateConfig(
        model="m", problems=[SourceConfig(kind="humaneval")], modes={"long": ModeConfig()}, max_failed_share=share
    )


def test_summary_counts_every_row():
    """The manifest's figures add up."""
    assert summary(rows(2)) == {
        "num_trajectories": 10,
        "num_failed": 2,
        "num_tokens": 56,
        "finish_reasons": {"long": {"error": 2, "stop": 8}},
    }


@pytest.mark.parametrize(("share", "num_failed"), [(0.0, 0), (0.2, 2), (1.0, 10)])
def test_failures_up_to_the_share_are_accepted(share, num_failed):
    """A long run survives a few bad prompts if its owner said so."""
    _require_few_failures(config(share), rows(num_failed))


def test_more_failures_than_the_share_are_told_with_the_first_cause():
    """The owner sees how many, which, and why."""
    with pytest.raises(UserError) as caught:
        _require_few_failures(config(0.1), rows(2))
    for part in ("2 of 10", "x/0#long#0", "too hot", "max_failed_share"):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{"modes": {}}, {"problems": []}, {"modes": {"a#b": ModeConfig()}}, {"batch_size": 0}, {"max_failed_share": 2}],
)
def test_settings_that_cannot_work_are_refused(settings):
    """Nothing to generate, a mode that would break ids, a share beyond 1."""
    given = {"problems": [SourceConfig(kind="humaneval")], "modes": {"long": ModeConfig()}, **settings}
    with pytest.raises(UserError):
        GenerateConfig(model="m", **given)


@pytest.mark.parametrize("settings", [{"temperature": -1}, {"top_p": 0}, {"max_tokens": 0}])
def test_sampling_that_cannot_work_is_refused(settings):
    """VLLM would refuse each request instead, hours later."""
    with pytest.raises(UserError):
        ModeConfig(**settings)
