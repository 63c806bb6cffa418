"""The endpoint as a Ray Serve configuration: every experiment yields one, and a cluster runs it."""

import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from tests.serving.conftest import KEYS
from z1ray.config import load
from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.pipeline.head import local_head
from z1ray.ports import free_port
from z1ray.serving.config import ServeConfig
from z1ray.serving.health import client
from z1ray.serving.serve_yaml import from_plain, serve_config, write_config
from z1ray.window import CODE_HINT, WindowConfig

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "conf").glob("*.yaml"))
RAY_SERVE = str(Path(sys.executable).with_name("serve"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_experiment_yields_a_configuration_that_ray_takes(path: Path, tmp_path: Path) -> None:
    """What Ray's schema refuses, or our own builder reads differently, fails on the operator's cluster instead."""
    from ray.serve.schema import ServeDeploySchema

    config = load(path).serve
    write_config(config, "made", tmp_path / "made.yaml")
    made = yaml.safe_load((tmp_path / "made.yaml").read_text())
    assert ServeDeploySchema.model_validate(made).http_options.port == config.port
    (application,) = made["applications"]
    assert (application["name"], application["route_prefix"]) == ("made", config.route_prefix)
    understood = from_plain(application["args"])
    assert (understood.window, understood.engine, understood.models.keys()) == (
        config.window,
        config.engine,
        config.models.keys(),
    )
    assert all(Path(source).is_absolute() for source in understood.models.values())


def test_the_launcher_writes_to_the_file_or_to_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One command for the whole file, and what an operator has edited is not lost to a second call of it."""

    def launched(*words: str) -> int:
        command = ["serve_config.py", "--config", str(ROOT / "conf" / "local.yaml"), "serve.port=8123", *words]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / "jobs" / "serve_config.py"), run_name="__main__")
        return int(str(ended.value.code))

    assert launched() == 0
    shown = capsys.readouterr().out
    made = yaml.safe_load(shown)
    assert made["http_options"] == {"host": "127.0.0.1", "port": 8123}
    # Where the stage itself keeps it, so that an endpoint deployed either way goes on with the same book.
    store = Path(made["applications"][0]["args"]["quota_store"])
    assert store.is_absolute()
    assert store.parts[-2:] == ("local", "endpoint.quotas.sqlite")
    output = tmp_path / "edited.yaml"
    output.write_text(shown + "# an operator's note\n")
    assert launched("--output", str(output)) == 2
    assert "--force" in capsys.readouterr().err
    assert launched("--output", str(output), "--force") == 0
    assert output.read_text() == shown


def test_relative_places_become_absolute_and_hub_names_stay(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Ray builds the application in a folder of its own, where a relative path leads nowhere."""
    monkeypatch.chdir(tmp_path)
    config = ServeConfig(models={"hub": "Qwen/Qwen2.5", "mine": "runs/mine/model"}, api_keys="file:secrets/keys")
    args = serve_config(config, "mine")["applications"][0]["args"]
    assert args["models"] == {"hub": "Qwen/Qwen2.5", "mine": str(tmp_path / "runs/mine/model")}
    assert args["api_keys"] == f"file:{tmp_path / 'secrets/keys'}"


@pytest.mark.parametrize(("host", "location"), [("127.0.0.1", "HeadOnly"), ("0.0.0.0", "EveryNode")])
def test_proxies_run_where_their_address_exists(host: str, location: str) -> None:
    """The head's own address cannot be listened on elsewhere: those nodes' proxies would never become healthy."""
    assert serve_config(ServeConfig(models={"m": "folder"}, host=host), "mine")["proxy_location"] == location


@pytest.mark.parametrize("edit", [{"max_replica": 2}, {"port": "high"}, {"api_keys": "off"}])
def test_an_edit_that_makes_no_sense_is_refused_by_name(edit: dict[str, Any]) -> None:
    """Ray hands the section over unchecked; taken silently, a typo would leave its default in force."""
    with pytest.raises(UserError, match=next(iter(edit))):
        from_plain({"models": {"m": "folder"}, **edit})


@pytest.fixture
def deployed(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[ServeConfig, str, Path]]:
    """A model deployed by Ray's own command line: settings, dashboard, Ray's folder."""
    keys = tmp_path / "api-keys"
    keys.write_text("".join(f"{name}={key}\n" for name, key in KEYS.items()))
    capped = WindowConfig(
        default_budget=3,
        max_budget=10,
        efforts={"minimal": 0, "low": 1, "medium": 3, "high": 9},
        answer_tokens=8,
    )
    config = ServeConfig(
        models={"capped": str(tiny_model)},
        port=free_port(),
        api_keys=f"file:{keys}",
        drain_timeout_s=30.0,
        windows={"capped": capped},
        engine=EngineConfig(
            device="cpu", dtype="float32", max_model_len=512, max_num_seqs=4, cpu_threads=1, enforce_eager=True
        ),
    )
    write_config(config, "mine", tmp_path / "endpoint.yaml")
    # The head brings a token of its own, which must not outlive it here.
    monkeypatch.setenv("RAY_AUTH_TOKEN", os.environ["RAY_AUTH_TOKEN"])
    before = set(Path(tempfile.gettempdir()).glob("z1ray-*"))
    with local_head() as dashboard:
        (folder,) = set(Path(tempfile.gettempdir()).glob("z1ray-*")) - before
        subprocess.run([RAY_SERVE, "deploy", "--address", dashboard, str(tmp_path / "endpoint.yaml")], check=True)
        _wait_until_running(dashboard)
        yield config, dashboard, folder


@pytest.mark.ray
@pytest.mark.vllm
def test_serve_deploy_answers(deployed: tuple[ServeConfig, str, Path]) -> None:
    """The generated file is the product: a model under its own window, keys asked for and nowhere written down."""
    config, dashboard, folder = deployed
    with client(f"http://127.0.0.1:{config.port}", config.api_keys) as api:
        assert [model.id for model in api.models.list()] == ["capped"]
        for asked, budget in (({}, 3), ({"thinking_budget": 10}, 10)):
            choice = _ask(api, **asked)["choices"][0]
            assert (choice["thinking"]["budget"], choice["thinking"]["cut"]) == (budget, True)
            assert CODE_HINT in choice["message"]["content"]
        for over in (11, -1):
            with pytest.raises(openai.BadRequestError) as refused:
                _ask(api, thinking_budget=over)
            assert refused.value.param == "thinking_budget"
        with pytest.raises(openai.AuthenticationError) as unknown:
            _ask(api.with_options(api_key="somebody-else-0123456789"))
        assert unknown.value.code == "invalid_api_key"
    written = json.dumps(_applications(dashboard))
    logs = "".join(path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file())
    assert "capped" in written
    assert "capped" in logs
    assert not any(key in written or key in logs for key in KEYS.values())


def _ask(api: openai.OpenAI, **fields: Any) -> dict[str, Any]:
    messages: Any = [{"role": "user", "content": "Count to ten."}]
    answer = api.chat.completions.create(
        model="capped", messages=messages, temperature=0.0, extra_body={"min_tokens": 12, **fields}
    )
    return dict(answer.model_dump())


def _wait_until_running(dashboard: str) -> None:
    deadline = time.monotonic() + 900
    application: dict[str, Any] = {}
    while True:
        # A dashboard that is busy, or has not heard of Serve yet, says 500 or 503.
        with suppress(urllib.error.HTTPError):
            application = _applications(dashboard).get("mine", {})
        if application.get("status") == "RUNNING":
            return
        assert application.get("status") != "DEPLOY_FAILED", application["message"]
        assert time.monotonic() < deadline, application
        time.sleep(2)


def _applications(dashboard: str) -> dict[str, Any]:
    """What Ray keeps of the deployed applications, as its dashboard shows it."""
    token = os.environ["RAY_AUTH_TOKEN"]
    asked = urllib.request.Request(f"{dashboard}/api/serve/applications/", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked) as answer:
        return dict(json.load(answer)["applications"])
