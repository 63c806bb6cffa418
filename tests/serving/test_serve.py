"""The stage: an endpoint comes up, proves its cap with real chats, and stays or goes as configured."""

import dataclasses
import json
import time
from pathlib import Path

import pytest

from tests.serving.conftest import APP, LONG_AGO, MODEL, PATIENCE_S, TINY, Served, engines
from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.serving import endpoint
from z1ray.serving.serve import serve_models

pytestmark = [pytest.mark.ray, pytest.mark.vllm]


def test_the_stage_records_one_chat_that_was_cut_and_one_that_was_not(served: Served) -> None:
    """Without them the manifest would call an endpoint healthy that nobody has asked anything."""
    chats = json.loads((served.output / "chats.json").read_text())
    assert [chat["model"] for chat in chats] == [MODEL, MODEL, TINY, TINY]
    cut, uncut, _, uncapped = chats
    assert cut["thinking"]["cut"]
    assert cut["thinking"]["thinking_tokens"] == served.config.check_budget
    assert "I overthought it" in cut["text"]
    assert cut["seconds"] > 0
    assert uncut["thinking"]["cut"] is False
    assert (uncapped["thinking"]["budget"], uncapped["thinking"]["cut"]) == (-1, False)
    manifest = artifacts.manifest(served.output)
    assert manifest["models"] == served.config.models
    assert [chat["thinking"] for chat in manifest["chats"]] == [chat["thinking"] for chat in chats]


def test_an_endpoint_that_is_gone_is_started_again(served: Served) -> None:
    """Asked for an endpoint, a user wants one, not a manifest of one that ran before the reboot."""
    assert served.manifest["deployed"] != LONG_AGO
    assert served.manifest["running"]
    assert endpoint.is_up(APP, served.manifest["deployed"])
    assert not endpoint.is_up(APP, LONG_AGO)


def test_an_endpoint_that_is_up_is_left_alone(served: Served) -> None:
    """A second run must neither restart the engines under live requests nor complain about its own port."""
    before = {engine.pid for engine in engines(APP)}
    assert serve_models(served.config, served.output, name=APP) == served.manifest
    assert {engine.pid for engine in engines(APP)} == before
    assert endpoint.is_up(APP, served.manifest["deployed"])


def test_a_second_address_on_the_same_cluster_is_refused(served: Served, tmp_path: Path) -> None:
    """Ray Serve would ignore it in silence, and the endpoint would not be where its manifest says."""
    other = dataclasses.replace(served.config, port=served.config.port - 1)
    with pytest.raises(UserError, match=f"already runs on this cluster, at 127.0.0.1:{served.config.port}"):
        serve_models(other, tmp_path / "other", name="other")
    assert not (tmp_path / "other" / artifacts.MANIFEST).exists()


def test_another_experiments_endpoint_is_not_taken_away(served: Served, tmp_path: Path) -> None:
    """Two teams on one cluster: the second one's job would have replaced what the first one's users ask."""
    with pytest.raises(UserError, match=f"'{APP}' answers there") as refused:
        serve_models(served.config, tmp_path / "other", name="other")
    assert refused.value.field == "serve.route_prefix"
    assert endpoint.is_up(APP, served.manifest["deployed"])


# The last test of the folder: it takes the shared endpoint away.
def test_an_endpoint_that_is_not_to_keep_running_is_checked_and_stopped(served: Served, tmp_path: Path) -> None:
    """``keep_running: false`` leaves nothing behind; a model that is left out goes, and the one that stays is kept."""
    before = {engine.pid for engine in engines(APP)}
    tiny = {TINY: served.config.models[TINY]}
    config = dataclasses.replace(served.config, models=tiny, keep_running=False)
    manifest = serve_models(config, tmp_path / "endpoint", name=APP)
    assert manifest["running"] is False
    assert manifest["models"] == tiny
    assert manifest["chats"][0]["thinking"]["cut"]
    assert len(before) == 2
    assert endpoint.application(APP) is None
    # The process of a replica outlives it for a moment.
    deadline = time.monotonic() + PATIENCE_S
    while engines(APP):
        assert time.monotonic() < deadline, "an engine is left behind"
        time.sleep(0.5)
