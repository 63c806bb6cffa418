"""Packages that untrusted code may import besides the standard library."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from z1ray.errors import UserError

FOLDER = "/packages"


def shown(names: Sequence[str]) -> dict[str, Path]:
    """The host path of each package, and of the libraries it brings, by where it appears.

    Raises:
        UserError: If one is not installed here.
    """
    return {f"{FOLDER}/{path.name}": path for name in names for path in _paths(name)}


def search_path(names: Sequence[str], inside: bool) -> list[str]:
    """Folders for ``sys.path``."""
    if inside:
        return [FOLDER] if names else []
    return list(dict.fromkeys(str(path.parent) for path in shown(names).values()))


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
