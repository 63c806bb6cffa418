"""The endpoint as a Ray Serve configuration: what ``serve deploy`` and KubeRay's RayService take."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from z1ray.errors import UserError
from z1ray.files import write_text
from z1ray.models import lookup
from z1ray.serving.config import ServeConfig
from z1ray.settings import build

IMPORT_PATH = "z1ray.serving.app:application"

_EVERYWHERE = ("0.0.0.0", "::")
_HEADER = """\
# A Ray Serve configuration, made by jobs/serve_config.py. Ray must run where z1ray is installed:
#   serve deploy --address http://HEAD:8265 THIS_FILE
# The keys are read where the endpoint runs; this file names their source only.
"""


def write_config(config: ServeConfig, name: str, output: Path | None, *, force: bool = False) -> None:
    """Write the endpoint's Ray Serve configuration, checked by Ray's own schema.

    Args:
        config: What to serve and where.
        name: The endpoint's name on its cluster, which is the experiment's.
        output: The file; standard output if None.
        force: Replace a file that says something else.

    Raises:
        UserError: If the file is there and says something else.
    """
    text = _HEADER + _yaml(serve_config(config, name))
    if output is None:
        sys.stdout.write(text)
        return
    if output.exists() and output.read_text() != text and not force:
        raise UserError("--output", str(output), "the file says something else", "name another, or pass --force")
    write_text(output, text)


def serve_config(config: ServeConfig, name: str) -> dict[str, Any]:
    """The endpoint's Ray Serve configuration, as plain data.

    Folders become absolute, because Ray builds the application in a folder of its own;
    they must be on storage that the cluster's nodes see.
    """
    from ray.serve.schema import ServeDeploySchema

    made = {
        # Behind an address of every node, each node may have a proxy; any other is the head's.
        "proxy_location": "EveryNode" if config.host in _EVERYWHERE else "HeadOnly",
        "http_options": {"host": config.host, "port": config.port},
        "applications": [
            {
                "name": name,
                "route_prefix": config.route_prefix,
                "import_path": IMPORT_PATH,
                "args": _section(config),
            },
        ],
    }
    ServeDeploySchema.model_validate(made)
    return made


def from_plain(section: dict[str, Any]) -> ServeConfig:
    """The ``serve`` section from plain data, as ``serve_config`` writes it and an operator may have edited it.

    Raises:
        UserError: For an unknown key, a value of the wrong type or one out of range.
    """
    remedy = "set it, or make the file again with jobs/serve_config.py"
    return build(ServeConfig, OmegaConf.create(section), prefix="args.", remedy=remedy)


def _section(config: ServeConfig) -> dict[str, Any]:
    kind, _, place = config.api_keys.partition(":")
    keys = f"file:{Path(place).absolute()}" if kind == "file" else config.api_keys
    models = {
        name: source if lookup.is_hub_name(source) else str(Path(source).absolute())
        for name, source in config.models.items()
    }
    return {**asdict(config), "models": models, "api_keys": keys}


def _yaml(made: dict[str, Any]) -> str:
    import yaml

    return str(yaml.safe_dump(made, sort_keys=False, allow_unicode=True, width=100))
