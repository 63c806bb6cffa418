"""Mistakes in the ``serve`` section are found when the file is read."""

from pathlib import Path

import pytest

from z1ray.config import load
from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.serving.config import ServeConfig
from z1ray.serving.quota.config import Quota, quota_of
from z1ray.serving.serve_yaml import from_plain
from z1ray.window import WindowConfig

LOCAL = Path(__file__).parents[2] / "conf" / "local.yaml"
MODELS = {"model": "folder"}


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("serve.models", {"models": {}}),
        ("serve.models", {"models": {"base:lora": "folder"}}),
        ("serve.host", {"models": MODELS, "host": ""}),
        ("serve.port", {"models": MODELS, "port": 70000}),
        ("serve.route_prefix", {"models": MODELS, "route_prefix": ""}),
        ("serve.route_prefix", {"models": MODELS, "route_prefix": "team-a"}),
        ("serve.route_prefix", {"models": MODELS, "route_prefix": "/team-a/"}),
        ("serve.route_prefix", {"models": MODELS, "route_prefix": "/team{a}"}),
        ("serve.route_prefix", {"models": MODELS, "route_prefix": "/-/routes"}),
        ("serve.surge_percent", {"models": MODELS, "surge_percent": 101}),
        ("serve.start_timeout_s", {"models": MODELS, "start_timeout_s": 0}),
        ("serve.check_budget", {"models": MODELS, "check_budget": 0}),
        ("serve.max_replicas", {"models": MODELS, "max_replicas": 0}),
        ("serve.max_replicas", {"models": MODELS, "engines": {"model": EngineConfig(replicas=2)}}),
        ("serve.windows.modle", {"models": MODELS, "windows": {"modle": WindowConfig()}}),
        ("serve.engines.modle", {"models": MODELS, "engines": {"modle": EngineConfig()}}),
        ("serve.api_keys", {"models": MODELS, "api_keys": "False"}),
        ("serve.quota_store", {"models": MODELS, "quota_store": ""}),
        ("serve.max_queued_requests", {"models": MODELS, "max_queued_requests": 0}),
        ("serve.pending_tokens_per_replica", {"models": MODELS, "pending_tokens_per_replica": 0}),
        ("serve.upscale_delay_s", {"models": MODELS, "upscale_delay_s": -1.0}),
        ("serve.drain_timeout_s", {"models": MODELS, "drain_timeout_s": float("nan")}),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(field: str, settings: dict[str, object]) -> None:
    """Found later, it would cost the minutes an engine takes to start."""
    with pytest.raises(UserError) as caught:
        ServeConfig(**settings)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_the_endpoint_is_on_loopback_and_asks_for_keys_unless_told_otherwise() -> None:
    """An open port and an open door are the operator's decision."""
    config = ServeConfig(models=MODELS)
    assert (config.host, config.api_keys) == ("127.0.0.1", "env:Z1RAY_API_KEYS")


def test_a_model_has_its_own_window_and_engine_or_the_common_ones() -> None:
    """Several models in one application differ in context, batch and budgets."""
    window, engine = WindowConfig(default_budget=7), EngineConfig(max_num_seqs=3)
    config = ServeConfig(models={"a": "x", "b": "y"}, windows={"a": window}, engines={"b": engine})
    assert (config.window_of("a"), config.engine_of("a")) == (window, config.engine)
    assert (config.window_of("b"), config.engine_of("b")) == (config.window, engine)


def test_a_quota_limits_something() -> None:
    """An empty one looks like a limit and is none; one below 1 keeps its holder out, for which there are keys."""
    config = load(LOCAL, ["serve.quotas={alice: {tokens_per_minute: 5}, '*': {tokens_per_day: 9}}"]).serve
    assert config.quotas == {"alice": Quota(tokens_per_minute=5), "*": Quota(tokens_per_day=9)}
    assert quota_of("alice", config.quotas) == Quota(tokens_per_minute=5)
    assert quota_of("bob", config.quotas) == Quota(tokens_per_day=9)
    assert quota_of("bob", {"alice": Quota(tokens_per_day=1)}) is None
    for settings in ("{}", "{tokens_per_minute: 0}", "{tokens_per_hour: 5}"):
        with pytest.raises(UserError, match="quota"):
            load(LOCAL, [f"serve.quotas={{alice: {settings}}}"])


def test_no_engine_takes_speculative_decoding() -> None:
    """Drafted tokens would run past a budget before it is looked at; the window's processor cannot ride along."""
    with pytest.raises(UserError, match=r"serve\.engine\.speculative_config"):
        load(LOCAL, ["serve.engine.speculative_config={model: draft}"])
    with pytest.raises(UserError, match="speculative_config"):
        from_plain({"models": MODELS, "engine": {"speculative_config": {"model": "draft"}}})
