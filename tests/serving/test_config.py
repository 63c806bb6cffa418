"""Mistakes in the ``serve`` section are found when the file is read."""

import pytest

from z1ray.errors import UserError
from z1ray.serving.config import ServeConfig

MODELS = {"model": "folder"}


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("serve.models", {"models": {}}),
        ("serve.models", {"models": {"base:lora": "folder"}}),
        ("serve.host", {"models": MODELS, "host": ""}),
        ("serve.port", {"models": MODELS, "port": 70000}),
        ("serve.start_timeout_s", {"models": MODELS, "start_timeout_s": 0}),
        ("serve.check_budget", {"models": MODELS, "check_budget": 0}),
        ("serve.max_replicas", {"models": MODELS, "max_replicas": 0}),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(field: str, settings: dict[str, object]) -> None:
    """Found later, it would cost the minutes an engine takes to start."""
    with pytest.raises(UserError) as caught:
        ServeConfig(**settings)  # type: ignore[arg-type]
    assert caught.value.field == field


def test_the_endpoint_listens_on_loopback_unless_told_otherwise() -> None:
    """An open port is the operator's decision."""
    assert ServeConfig(models=MODELS).host == "127.0.0.1"
