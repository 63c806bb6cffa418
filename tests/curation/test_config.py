"""Settings of curation that contradict each other."""

import pytest

from z1ray.curation.config import CurateConfig, QuotaConfig
from z1ray.errors import UserError


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"keep": "verified", "verify": False}, "curate.keep"),
        ({"quotas": QuotaConfig(mode={"long": 0.5})}, "curate.quotas"),
        ({"duplicate_similarity": 0.0}, "curate.duplicate_similarity"),
        ({"question_similarity": 1.5}, "curate.question_similarity"),
        ({"contamination_ngram": 0}, "curate.contamination_ngram"),
        ({"token_budget": 0}, "curate.token_budget"),
        ({"parallelism": 0}, "curate.parallelism"),
    ],
)
def test_what_cannot_work_is_refused_by_name(settings, field):
    """Before hours of work, not after them."""
    with pytest.raises(UserError) as caught:
        CurateConfig(trajectories="t", tokenizer="m", **settings)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("quotas", "field"),
    [
        ({"mode": {"long": 0.6, "short": 0.5}}, "curate.quotas.mode"),
        ({"mode": {"long": 0.0}}, "curate.quotas.mode.long"),
        ({"difficulty": {"trivial": 0.5}}, "curate.quotas.difficulty"),
    ],
)
def test_quotas_are_shares(quotas, field):
    """More than everything cannot be had."""
    with pytest.raises(UserError) as caught:
        QuotaConfig(**quotas)
    assert caught.value.field == field


def test_humaneval_is_kept_out_by_default():
    """Forgetting the setting must not put a benchmark into the training data."""
    assert [source.kind for source in CurateConfig(trajectories="t", tokenizer="m").benchmarks] == ["humaneval"]
