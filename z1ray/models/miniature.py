"""The miniature's base model, which comes with this package; ``z1ray.miniature`` makes it."""

import shutil
from pathlib import Path

from z1ray.files import replacing

NAME = "Z1-Miniature-Base"
SHIPPED = Path(__file__).with_name(NAME)


def prepare(folder: Path) -> bool:
    """Copy the model into ``folder`` unless it is there as shipped; True if it was copied."""
    if all(_same(path, folder / path.name) for path in SHIPPED.iterdir()):
        return False
    with replacing(folder) as partial:
        shutil.copytree(SHIPPED, partial)
    return True


def _same(shipped: Path, copy: Path) -> bool:
    return copy.exists() and copy.read_bytes() == shipped.read_bytes()
