"""Addresses: where clients on this machine reach the endpoint, and ports that are taken."""

import dataclasses
import socket
from pathlib import Path
from typing import Any

import pytest

from z1ray import artifacts
from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.ports import free_port
from z1ray.serving import endpoint, rollout
from z1ray.serving.config import ServeConfig
from z1ray.serving.endpoint import address, is_loopback
from z1ray.serving.health import require_room
from z1ray.serving.serve import serve_models
from z1ray.upstream import ray_serve
from z1ray.upstream.ray_serve import Target
from z1ray.window import WindowConfig

NAME = "mine"
EFFORTS = {"low": 16, "high": 512}
SMALL = EngineConfig(device="cpu", max_model_len=1024)


def window(**settings: Any) -> WindowConfig:
    return WindowConfig(answer_tokens=64, **settings)


def config(model: Path | str, default_budget: int = 64, **settings: object) -> ServeConfig:
    common = window(default_budget=default_budget, efforts=EFFORTS)
    given = {"models": {"model": str(model)}, "api_keys": "none", "window": common, "engine": SMALL, **settings}
    return ServeConfig(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://127.0.0.1:8000"), ("::", "http://[::1]:8000")],
)
def test_the_checks_reach_an_endpoint_that_listens_everywhere(host: str, expected: str) -> None:
    """0.0.0.0 is an address to listen on, not one to connect to."""
    assert address(config("folder", host=host)) == expected
    assert address(config("folder", host=host, route_prefix="/team-a")) == f"{expected}/team-a"


@pytest.fixture
def no_serve(ray_cluster: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cluster on which no endpoint runs yet, whichever tests ran before."""
    monkeypatch.setattr(ray_serve, "http_address", lambda: None)


@pytest.mark.ray
@pytest.mark.usefixtures("no_serve")
def test_a_taken_port_is_refused_before_any_engine_starts(tiny_model: Path, tmp_path: Path) -> None:
    """Ray Serve would find out after the engines are up, minutes later, and hang."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UserError, match="listened on") as caught:
            serve_models(config(tiny_model, port=port), tmp_path / "endpoint", name=NAME)
    assert caught.value.field == "serve.port"
    assert caught.value.value == f"127.0.0.1:{port}"


@pytest.mark.ray
@pytest.mark.usefixtures("no_serve")
def test_a_taken_port_costs_no_finished_work(tiny_model: Path, tmp_path: Path) -> None:
    """``--force`` wipes the stage's folder, but only once the new run can start."""
    folder = tmp_path / "endpoint"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        asked = config(tiny_model, port=taken.getsockname()[1], keep_running=False)
        artifacts.begin(folder, asked)
        done = artifacts.finish(folder, 0.0)
        assert serve_models(asked, folder, name=NAME) == done
        with pytest.raises(UserError, match="listened on"):
            serve_models(asked, folder, name=NAME, force=True)
    assert artifacts.manifest(folder) == done


def test_a_missing_model_is_refused_by_its_key(tmp_path: Path) -> None:
    """Before Ray is even asked."""
    with pytest.raises(UserError) as caught:
        serve_models(config(tmp_path / "nowhere", port=free_port()), tmp_path / "endpoint", name=NAME)
    assert caught.value.field == "serve.models.model"


def test_missing_keys_are_told_before_any_engine_starts(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the port, before Ray, and before a finished stage's folder is wiped."""
    monkeypatch.delenv("STAFF", raising=False)
    with pytest.raises(UserError, match="no such variable") as caught:
        serve_models(config(tiny_model, api_keys="env:STAFF", port=free_port()), tmp_path / "endpoint", name=NAME)
    assert (caught.value.field, caught.value.value) == ("serve.api_keys", "env:STAFF")


class Deployed(Exception):
    """The stage was about to deploy the endpoint."""


@pytest.mark.parametrize(
    ("change", "deploys"),
    [
        ({}, False),
        ({"start_timeout_s": 5.0}, False),
        ({"max_queued_requests": 7}, True),
        ({"window": window(default_budget=32, efforts=EFFORTS)}, True),
        ({"engine": dataclasses.replace(SMALL, max_num_seqs=3)}, True),
        ({"keep_running": False}, True),  # the one that is up has to stop
    ],
)
def test_an_endpoint_that_runs_with_other_settings_is_updated(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], deploys: bool
) -> None:
    """A job that said "up" would leave the old settings in force; one that fails leaves what it found, on disk too."""
    before = config(tiny_model)
    artifacts.begin(tmp_path / "endpoint", before)
    done = artifacts.finish(tmp_path / "endpoint", 0.0, deployed="v1", running=True)

    def deploy(*_: object) -> str:
        raise Deployed

    monkeypatch.setattr(rollout, "deploy", deploy)
    for name, stand_in in (("is_up", lambda *given: given == (NAME, "v1")), ("require_port", print)):
        monkeypatch.setattr(endpoint, name, stand_in)
    monkeypatch.setattr(endpoint, "require_route", print)
    asked = dataclasses.replace(before, **change)
    if not deploys:
        assert serve_models(asked, tmp_path / "endpoint", name=NAME) == done
        return
    with pytest.raises(Deployed):
        serve_models(asked, tmp_path / "endpoint", name=NAME)
    assert artifacts.manifest(tmp_path / "endpoint") == done
    assert serve_models(before, tmp_path / "endpoint", name=NAME) == done


def test_a_path_that_another_endpoint_answers_at_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One team's job must never take another team's endpoint away; its own it may update."""
    running = {"theirs": Target("/", "v1", {}, []), "hidden": Target(None, "v1", {}, [])}
    monkeypatch.setattr(endpoint, "serving_at", lambda: ("127.0.0.1", 8000))
    monkeypatch.setattr(ray_serve, "targets", lambda: running)
    endpoint.require_route(config("folder"), "theirs")
    endpoint.require_route(config("folder", route_prefix="/mine"), "mine")
    with pytest.raises(UserError, match="'theirs' answers there") as caught:
        endpoint.require_route(config("folder"), "mine")
    assert caught.value.field == "serve.route_prefix"


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("box", False)]
)
def test_an_address_others_can_reach_is_known_as_one(host: str, loopback: bool) -> None:
    """On it, an endpoint without keys comes with a warning."""
    assert is_loopback(config("folder", host=host)) is loopback


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("serve.window.default_budget", {"default_budget": 950}),
        ("serve.check_budget", {"check_budget": 990}),
        ("serve.window.efforts.high", {"window": window(default_budget=8, efforts={"low": 8, "high": 950})}),
        ("serve.window.default_budget", {"window": window(default_budget=600, grace=0.7, efforts={})}),
        ("serve.check_budget", {"window": window(default_budget=8, max_budget=8, efforts={"low": 8})}),
        ("serve.windows.other.default_budget", {"windows": {"other": window(default_budget=950, efforts={})}}),
        ("serve.window.efforts.high", {"engines": {"other": EngineConfig(device="cpu", max_model_len=256)}}),
    ],
)
def test_window_settings_that_never_fit_the_context_are_refused(
    tiny_model: Path, field: str, settings: dict[str, Any]
) -> None:
    """Such an endpoint would answer 400 to plain requests, or to its own check."""
    models: dict[str, Any] = {"models": {"model": str(tiny_model), "other": str(tiny_model)}}
    require_room(config(tiny_model, **models))
    with pytest.raises(UserError) as caught:
        require_room(config(tiny_model, **{**models, **settings}))
    assert caught.value.field == field
