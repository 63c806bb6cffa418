"""The stage: checkpoint -> endpoint, checked with real chats."""

import dataclasses
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from omegaconf import Container, OmegaConf

from z1ray import artifacts
from z1ray.files import write_json
from z1ray.models import lookup
from z1ray.progress import say
from z1ray.serving import endpoint, rollout
from z1ray.serving.config import ServeConfig
from z1ray.serving.health import check_chats, require_room
from z1ray.serving.keys import NO_KEYS, read_keys
from z1ray.serving.versions import JOB_SETTINGS
from z1ray.serving.window.hints import hint_token_ids

CHATS = "chats.json"


def serve_models(config: ServeConfig, output: Path, *, name: str, force: bool = False) -> dict[str, Any]:
    """Serve the models, prove the cap with real chats, and leave the endpoint up if so configured.

    Done work is skipped, except that an endpoint meant to keep running is deployed (and
    checked) again whenever it is no longer up, or these are other settings. One that runs
    under the same name is updated and serves meanwhile. On an error, Ctrl-C or SIGTERM it
    stays as it was; what was started for the first time is stopped. Call it from the main thread.

    Args:
        config: What to serve and where.
        output: The stage's folder: ``chats.json`` and the manifest.
        name: The endpoint's name on its cluster, which is the experiment's.
        force: Deploy and check again even if done.

    Returns:
        The manifest.

    Raises:
        UserError: For a model that is not there, keys that cannot be read, a port or path that is
            taken, window settings that do not fit the context, engines that do not start.
        CheckFailed: If the endpoint does not enforce its cap.
    """
    for model, source in config.models.items():
        lookup.require(f"serve.models.{model}", source)
    inputs = artifacts.exporters(config.models, "serve.models")
    if not force and artifacts.is_done(output, config) and _stands(config, output, name):
        return artifacts.manifest(output)
    read_keys(config.api_keys)
    for model, source in config.models.items():
        hint_token_ids(source, config.window_of(model))
    require_room(config)
    endpoint.require_port(config)
    endpoint.require_route(config, name)
    return _serve(config, output, name, inputs)


def with_store(config: ServeConfig, output: Path) -> ServeConfig:
    """The settings with the place of the book of quotas: beside the stage's folder, which every start clears."""
    place = output.with_name(f"{output.name}.quotas.sqlite") if config.quota_store is None else Path(config.quota_store)
    return dataclasses.replace(config, quota_store=str(place.absolute()))


def _stands(config: ServeConfig, output: Path, name: str) -> bool:
    """True if a finished stage needs nothing more: its endpoint is up, or stopped, as the settings want it."""
    done = artifacts.manifest(output)
    up = bool(done.get("running")) and endpoint.is_up(name, done["deployed"])
    if not config.keep_running:
        return not up
    if not up:
        say("the endpoint that this folder tells of is not up; deploying it again")
        return False
    if _deployed_settings(OmegaConf.load(output / "config.yaml")) != _deployed_settings(OmegaConf.structured(config)):
        say("the endpoint runs with other settings; deploying these")
        return False
    _tell(config)
    return True


def _deployed_settings(section: Container) -> dict[Any, Any]:
    """The settings that a running endpoint has."""
    settings = OmegaConf.to_container(section, resolve=True)
    assert isinstance(settings, dict)
    return {key: value for key, value in settings.items() if key not in JOB_SETTINGS}


def _serve(config: ServeConfig, output: Path, name: str, inputs: dict[str, Path]) -> dict[str, Any]:
    started = time.time()
    address = endpoint.address(config)
    if config.api_keys == NO_KEYS and not endpoint.is_loopback(config):
        say(f"WARNING: everyone who reaches {config.host}:{config.port} may use the endpoint: serve.api_keys is none")
    with _interruptible():
        with ExitStack() as undo:
            deployed = rollout.deploy(with_store(config, output), name, undo)
            start_seconds = round(time.time() - started, 1)
            say(f"endpoint up at {address}/v1 after {start_seconds:.0f} s")
            chats = check_chats(config, address)
            undo.pop_all()
        if not config.keep_running:
            rollout.stop(with_store(config, output), name)
    # Only now: until here the folder tells of the endpoint as it was before.
    artifacts.begin(output, config, inputs, force=True)
    write_json(output / CHATS, chats)
    manifest = artifacts.finish(
        output,
        started,
        models=dict(config.models),
        address=f"{address}/v1",
        running=config.keep_running,
        deployed=deployed,
        start_seconds=start_seconds,
        chats=[{key: chat[key] for key in ("model", "thinking", "seconds")} for chat in chats],
    )
    if config.keep_running:
        _tell(config)
    else:
        say("endpoint checked and stopped")
    return manifest


@contextmanager
def _interruptible() -> Iterator[None]:
    """Handle SIGTERM, which ``ray job stop`` sends, like Ctrl-C; Ray's own handler would exit without cleaning up."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _tell(config: ServeConfig) -> None:
    """Print the endpoint's address and a first request for it."""
    body = {
        "model": next(iter(config.models)),
        "messages": [{"role": "user", "content": "What is 17 * 23?"}],
        "thinking_budget": config.check_budget,
    }
    url = f"{endpoint.address(config)}/v1"
    bearer = "" if config.api_keys == NO_KEYS else '-H "Authorization: Bearer $KEY" '
    say(f"the endpoint is up at {url}; try" + (f", with a key of {config.api_keys} in KEY:" if bearer else ":"))
    say(f"curl {url}/chat/completions {bearer}-H 'Content-Type: application/json' -d '{json.dumps(body)}'")
