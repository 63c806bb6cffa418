"""Packages that untrusted code may import besides the standard library."""

import json
from collections.abc import Sequence
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.records import Row

FOLDER = "/packages"


def shown(names: Sequence[str]) -> dict[str, Path]:
    """The host path of each package, and of the libraries it brings, by where it appears; folders stay in place.

    Raises:
        UserError: If one is not there.
    """
    single = {f"{FOLDER}/{path.name}": path for name in names if not _is_folder(name) for path in _paths(name)}
    return single | {name: _folder(name) for name in names if _is_folder(name)}


def search_path(names: Sequence[str], inside: bool) -> list[str]:
    """Folders for ``sys.path``."""
    folders, single = ([name for name in names if _is_folder(name) is kind] for kind in (True, False))
    if inside:
        return [*([FOLDER] if single else []), *folders]
    return [*dict.fromkeys(str(path.parent) for path in shown(single).values()), *folders]


def require(problem: Row, config: SandboxConfig) -> None:
    """Refuse to judge an answer without the libraries its problem needs: it would be wrong whatever it says.

    Raises:
        UserError: If one that the problem's metadata lists under ``libraries`` is not among ``config.packages``.
    """
    wanted = json.loads(problem["metadata"] or "{}").get("libraries", [])
    folders = [name for name in config.packages if _is_folder(name)]
    missing = [name for name in wanted if name not in config.packages and PathFinder.find_spec(name, folders) is None]
    if missing:
        raise UserError(
            "sandbox.packages",
            config.packages,
            f"problem {problem['problem_id']!r} needs {', '.join(missing)}",
            "install the libraries (BigCodeBench's: the extra `bigcodebench`), and name them or their site-packages",
        )


def _is_folder(name: str) -> bool:
    return "/" in name


def _folder(name: str) -> Path:
    path = Path(name)
    if not path.is_absolute() or not path.is_dir():
        raise UserError("sandbox.packages", name, "there is no such folder", "name it by its absolute path")
    return path


def _paths(name: str) -> list[Path]:
    spec = find_spec(name) if name.isidentifier() else None
    if spec is None or spec.origin is None:
        raise UserError("sandbox.packages", name, "there is no such package here", "install it, or leave it out")
    file = Path(spec.origin)
    if not spec.submodule_search_locations:
        return [file]
    # Wheels keep their shared libraries beside the package: numpy.libs.
    libraries = file.parent.with_name(f"{name}.libs")
    return [file.parent, *([libraries] if libraries.exists() else [])]
