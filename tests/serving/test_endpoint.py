"""Addresses: where clients on this machine reach the endpoint, and ports that are taken."""

import socket
from pathlib import Path

import pytest

from tests.serving.conftest import free_port
from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.serving.checks import require_room
from z1ray.serving.config import ServeConfig
from z1ray.serving.endpoint import address
from z1ray.serving.serve import serve_models
from z1ray.window import WindowConfig

SMALL = EngineConfig(device="cpu", max_model_len=1024)


def config(model: Path | str, default_budget: int = 64, **settings: object) -> ServeConfig:
    window = WindowConfig(default_budget=default_budget, answer_tokens=64)
    return ServeConfig(models={"model": str(model)}, window=window, engine=SMALL, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000")],
)
def test_the_checks_reach_an_endpoint_that_listens_everywhere(host: str, expected: str) -> None:
    """0.0.0.0 is an address to listen on, not one to connect to."""
    assert address(config("folder", host=host)) == expected


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_a_taken_port_is_refused_before_any_engine_starts(tiny_model: Path, tmp_path: Path) -> None:
    """Ray Serve would find out after the engines are up, minutes later, and hang."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="listened on") as caught:
            serve_models(config(tiny_model, port=port), tmp_path / "endpoint")
    assert caught.value.field == "serve.port"
    assert caught.value.value == f"127.0.0.1:{port}"


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_a_taken_port_costs_no_finished_work(tiny_model: Path, tmp_path: Path) -> None:
    """``--force`` wipes the stage's folder, but only once the new run can start."""
    folder = tmp_path / "endpoint"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asked = config(tiny_model, port=taken.getsockname()[1], keep_running=False)
        artifacts.begin(folder, asked)
        done = artifacts.finish(folder, 0.0)
        assert serve_models(asked, folder) == done
        with pytest.raises(UserError, match="listened on"):
            serve_models(asked, folder, force=True)
    assert artifacts.manifest(folder) == done


def test_a_missing_model_is_refused_by_its_key(tmp_path: Path) -> None:
    """Before Ray is even asked."""
    with pytest.raises(UserError) as caught:
        serve_models(config(tmp_path / "nowhere", port=free_port()), tmp_path / "endpoint")
    assert caught.value.field == "serve.models.model"


@pytest.mark.parametrize(
    ("field", "settings"),
    [("serve.window.default_budget", {"default_budget": 950}), ("serve.check_budget", {"check_budget": 990})],
)
def test_window_settings_that_never_fit_the_context_are_refused(
    smollm2: Path, field: str, settings: dict[str, int]
) -> None:
    """Such an endpoint would answer 400 to every plain request."""
    require_room(config(smollm2))
    with pytest.raises(UserError) as caught:
        require_room(config(smollm2, **settings))
    assert caught.value.field == field
    assert "1024" in caught.value.problem
