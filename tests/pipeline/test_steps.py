"""The steps of an experiment with variants."""

import pytest

from z1ray.config import load
from z1ray.errors import UserError
from z1ray.pipeline.steps import STAGES, Asked, plan_steps

CONFIG = "conf/miniature.yaml"


def steps(*changes, stages=tuple(STAGES)):
    words = ["root=/runs", *changes]
    return plan_steps(Asked(CONFIG, words, list(stages)), load(CONFIG, words))


def test_a_variant_has_a_dataset_and_a_checkpoint_of_its_own_from_the_same_trajectories():
    found = {step.name: step for step in steps()}
    assert list(found) == [
        "generate",
        "curate",
        "train",
        "curate (long-only)",
        "train (long-only)",
        "serve",
        "evaluate",
    ]
    own, varied = found["curate"].config.curate, found["curate (long-only)"].config.curate
    assert (own.per_problem, varied.per_problem) == ("shortest", "longest")
    assert own.trajectories == varied.trajectories == "/runs/miniature/trajectories"
    assert str(found["train (long-only)"].folder) == "/runs/miniature/variants/long-only/checkpoint"
    assert found["train (long-only)"].config.train.dataset == "/runs/miniature/variants/long-only/dataset"
    assert found["evaluate"].config.evaluate.models["long-only"].startswith(str(found["train (long-only)"].folder))


def test_the_words_of_a_step_give_its_configuration():
    """The job loads what the plan saw."""
    for step in steps():
        assert load(CONFIG, list(step.words)) == step.config


def test_only_the_asked_stages_are_planned():
    assert [step.name for step in steps(stages=["train"])] == ["train", "train (long-only)"]


def test_a_variant_that_changes_a_shared_stage_is_refused():
    with pytest.raises(UserError, match=r"evaluate\.budgets"):
        steps("variants.other=['evaluate.budgets=[1]']")
