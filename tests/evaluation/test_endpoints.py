"""An endpoint's settings: what cannot work is refused, and a key is never shown."""

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.endpoints import EndpointConfig
from z1ray.problems.config import SourceConfig
from z1ray.settings import build


def config(budgets: list[int] | None = None, models: dict[str, str] | None = None, **endpoint: Any) -> EvaluateConfig:
    asked = EndpointConfig(**{"url": "http://host:8000/v1", "model": "z1", **endpoint})
    return EvaluateConfig(
        models=models or {},
        endpoints={"there": asked},
        benchmarks=[SourceConfig(kind="humaneval")],
        budgets=budgets or [512, -1],
    )


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"url": "host:8000"}, "url"),
        ({"url": "https://me:secret@host/v1"}, "url"),
        ({"api_key": "sk-0123456789"}, "api_key"),
        ({"api_key": "env:"}, "api_key"),
        ({"concurrency": 0}, "concurrency"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"budget_field": None}, "budget_field"),
        ({"budget_field": "max_tokens", "budgets": [0, 8]}, "budget_field"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], field: str) -> None:
    """By their key, before anything is asked; what may be a key is not repeated."""
    with pytest.raises(UserError) as caught:
        config(**settings)
    assert caught.value.field == f"evaluate.endpoints.there.{field}"
    if field == "api_key":
        assert "sk-" not in str(caught.value)


def test_a_model_and_an_endpoint_of_one_name_are_refused() -> None:
    """Their rows would be one model's."""
    with pytest.raises(UserError, match="a model has the same name"):
        config(models={"there": "folder"})


def test_nothing_to_evaluate_is_refused() -> None:
    """Either kind will do."""
    assert config().names == ["there"]
    with pytest.raises(UserError, match="nothing to evaluate"):
        EvaluateConfig(benchmarks=[SourceConfig(kind="humaneval")], budgets=[4])


def test_the_server_may_move_but_not_become_another_model(tmp_path: Path) -> None:
    """A restarted server has another address; another model's answers must not join the first one's."""
    output = tmp_path / "out"
    artifacts.begin(output, config())
    (output / "models").mkdir()
    artifacts.begin(output, config(url="http://other:9000/v1", concurrency=2, api_key="env:KEY", retries=0))
    with pytest.raises(UserError, match=r"endpoints\.there\.model: z1 -> z2"):
        artifacts.begin(output, config(model="z2"))


def test_a_yaml_names_an_endpoint_in_two_lines() -> None:
    """The rest has defaults; null is no field for budgets."""
    given = OmegaConf.create(
        {
            "endpoints": {"gpt": {"url": "https://host/v1", "model": "gpt", "budget_field": None}},
            "benchmarks": [{"kind": "humaneval"}],
            "budgets": [-1],
        }
    )
    made = build(EvaluateConfig, given)
    assert made.endpoints["gpt"].budget_field is None


def test_a_key_comes_from_where_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the line end that editors add; a missing one is told by its source."""
    (tmp_path / "key").write_text("sk-1\n")
    monkeypatch.setenv("KEY", "sk-2")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-3")
    keys = {source: config(api_key=source).endpoints["there"] for source in (f"file:{tmp_path}/key", "env:KEY", "none")}
    assert [endpoint.key("there") for endpoint in keys.values()] == ["sk-1", "sk-2", None]


@pytest.mark.parametrize("text", [None, "", "alice=sk-1\nbob=sk-2\n", b"\xff"])
def test_what_is_no_key_is_refused_and_not_shown(tmp_path: Path, text: str | bytes | None) -> None:
    """A missing file, an empty one, a list of keys."""
    file = tmp_path / "key"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError, match=r"endpoints\.there\.api_key") as caught:
        config(api_key=f"file:{file}").endpoints["there"].key("there")
    assert "sk-" not in str(caught.value)


def test_a_missing_variable_is_told_by_its_name() -> None:
    """Where the job runs, not where it was submitted."""
    with pytest.raises(UserError, match="env:NO_SUCH_KEY"):
        config(api_key="env:NO_SUCH_KEY").endpoints["there"].key("there")
