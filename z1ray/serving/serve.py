"""The stage: checkpoint -> endpoint, checked with real chats."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from omegaconf import Container, OmegaConf

from z1ray import artifacts
from z1ray.files import remove, write_json
from z1ray.models import lookup
from z1ray.progress import say
from z1ray.serving import endpoint
from z1ray.serving.config import ServeConfig
from z1ray.serving.health import check_chats, require_room
from z1ray.serving.keys import NO_KEYS, read_keys

CHATS = "chats.json"


def serve_models(config: ServeConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Serve the models, prove the cap with real chats, and leave the endpoint up if so configured.

    Done work is skipped, except that an endpoint meant to keep running is started
    (and checked) again whenever it is no longer up. On an error, Ctrl-C or SIGTERM
    whatever was started is stopped. Call it from the main thread.

    Args:
        config: What to serve and where.
        output: The stage's folder: ``chats.json`` and the manifest.
        force: Start and check again even if done.

    Returns:
        The manifest.

    Raises:
        UserError: For a model that is not there, keys that cannot be read, a port that is
            taken, window settings that do not fit the context, engines that do not start.
        CheckFailed: If the endpoint does not enforce its cap.
    """
    for name, source in config.models.items():
        lookup.require(f"serve.models.{name}", source)
    inputs = artifacts.exporters(config.models, "serve.models")
    if not force and not artifacts.begin(output, config, inputs) and _stands(config, output):
        return artifacts.manifest(output)
    read_keys(config.api_keys)
    require_room(config)
    endpoint.require_port(config)
    remove(output / artifacts.MANIFEST)
    artifacts.begin(output, config, inputs, force=force)
    return _serve(config, output)


def _stands(config: ServeConfig, output: Path) -> bool:
    """True if a finished stage needs nothing more: its endpoint is up, or stopped, as the settings want it."""
    done = artifacts.manifest(output)
    if not config.keep_running:
        return not (done.get("running") and endpoint.is_up(done["deployed"]))
    if not endpoint.is_up(done["deployed"]):
        say("the endpoint is no longer up; starting it again")
        return False
    if _deployed_settings(OmegaConf.load(output / "config.yaml")) != _deployed_settings(OmegaConf.structured(config)):
        say("the endpoint runs with other settings; starting it again")
        return False
    _tell(config)
    return True


def _deployed_settings(section: Container) -> dict[Any, Any]:
    """The settings that a running endpoint has, all but those of the job that starts it."""
    settings = OmegaConf.to_container(section, resolve=True)
    assert isinstance(settings, dict)
    return {key: value for key, value in settings.items() if key not in ("keep_running", "start_timeout_s")}


def _serve(config: ServeConfig, output: Path) -> dict[str, Any]:
    started = time.time()
    address = endpoint.address(config)
    if config.api_keys == NO_KEYS and not endpoint.is_loopback(config):
        say(f"WARNING: everyone who reaches {config.host}:{config.port} may use the endpoint: serve.api_keys is none")
    with _interruptible(), ExitStack() as undo:
        deployed = endpoint.start(config, undo)
        start_seconds = round(time.time() - started, 1)
        say(f"endpoint up at {address}/v1 after {start_seconds:.0f} s")
        chats = check_chats(config, address)
        write_json(output / CHATS, chats)
        if config.keep_running:
            undo.pop_all()
    manifest = artifacts.finish(
        output,
        started,
        models=dict(config.models),
        address=f"{address}/v1",
        running=config.keep_running,
        deployed=deployed,
        start_seconds=start_seconds,
        chats=[{name: chat[name] for name in ("model", "thinking", "seconds")} for chat in chats],
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
