"""The miniature's base model with a longer context than it was trained for: runs that take a while, sense or not."""

import json
import shutil
from pathlib import Path

from z1ray.models import miniature


def with_context(num_positions: int, folder: Path) -> Path:
    """A copy of it in ``folder`` with so many positions."""
    shutil.copytree(miniature.SHIPPED, folder)
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | {"max_position_embeddings": num_positions}))
    return folder
