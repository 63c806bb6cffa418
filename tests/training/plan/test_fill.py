"""A plan with more workers than its global batches fill is told so before anything is launched."""

from pathlib import Path

import numpy as np
import pytest

from tests.bench import workload
from tests.training.conftest import MakeConfig, example, write_dataset
from z1ray.config import load
from z1ray.settings import changed
from z1ray.training.config import BatchConfig, TrainConfig
from z1ray.training.plan.fill import LEAST_FILL, find_lengths, mean_fill, tell_fill

CONF = Path(__file__).parents[3] / "conf"
TWO = TrainConfig(
    dataset="d",
    model="m",
    num_workers=2,
    batch=BatchConfig(global_batch_size=4, micro_batch_size=1, max_length=10),
)


@pytest.mark.parametrize("name", ["z1-7b", "z1-7b-cluster"])
def test_the_papers_settings_keep_their_workers_busy(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """GPUs that wait for the longest row are paid for: 64 workers were busy for a third of each step."""
    train = load(CONF / f"{name}.yaml").train
    assert tell_fill(train) >= LEAST_FILL
    told = capsys.readouterr().out
    assert "log-normal, median 1638 tokens" in told
    assert "warning" not in told
    # Lengths that were not looked at when the settings were chosen: those of the simulated run's two modes.
    draw = np.random.default_rng(0)
    answers = [mode.median_tokens * draw.lognormal(0.0, 0.7, 2048) for mode in workload.MODES]
    lengths = [int(min(each, train.batch.max_length)) for each in draw.permutation(np.concatenate(answers))]
    assert mean_fill(train, lengths) >= LEAST_FILL


def test_too_many_workers_are_told_with_a_remedy_that_fills(capsys: pytest.CaptureFixture[str]) -> None:
    """Each part of the remedy, taken at its word, is enough."""
    train = changed(load(CONF / "z1-7b-cluster.yaml").train, {"num_workers": 64})
    assert tell_fill(train) < LEAST_FILL
    _, _, remedy = capsys.readouterr().out.partition("of each step: set ")
    words = dict(word.removeprefix("train.").strip().split("=") for word in remedy.split(" or "))
    assert set(words) == {"num_workers", "batch.global_batch_size"}
    for name, value in words.items():
        assert tell_fill(changed(train, {name: int(value)})) >= LEAST_FILL


def test_fill_is_that_of_real_steps() -> None:
    """By hand: 9 against 3 x 1 leaves 9 + 3 of 18 places; a short last step counts by its size alone."""
    assert mean_fill(TWO, [9, 1, 1, 1]) == pytest.approx(12 / 18)
    assert mean_fill(TWO, [5, 5, 5, 5]) == 1.0
    # Five examples: the step of one leaves a worker idle, whichever one it is.
    assert mean_fill(TWO, [5, 5, 5, 5, 5]) == pytest.approx(25 / 30)


def test_a_datasets_own_lengths_are_taken_where_it_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Kept examples alone, prompt included where it is known; what training drops as too long is left out."""
    rows = [
        example(number, text="x", kept=number != 3) | {"num_tokens": tokens, "num_prompt_tokens": prompt}
        for number, (tokens, prompt) in enumerate([(5, 2), (4, None), (9, 4), (6, 1), (1, 1)])
    ]
    config = changed(TWO, {"dataset": str(write_dataset(tmp_path / "dataset", rows))})
    assert sorted(find_lengths(config).tokens) == [2, 4, 7]
    tell_fill(config)
    assert f"lengths of 3 examples of {config.dataset}" in capsys.readouterr().out


def test_a_dataset_without_counts_is_no_reason_to_fail(make_config: MakeConfig) -> None:
    """Examples from elsewhere may carry no counts of tokens; the plan then says it made lengths up."""
    lengths = find_lengths(make_config())
    assert "log-normal" in lengths.source
    assert 1 <= min(lengths.tokens) <= max(lengths.tokens) <= 200
