"""The dataset card: what ``datasets.load_dataset`` and the hub read the folder by, and what people want to know."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from z1ray.files import write_text

CARD = "README.md"
_SPLITS = ("train", "dropped")


def write_card(output: Path, facts: Mapping[str, Any]) -> Path:
    """Write ``README.md`` of a dataset.

    Args:
        output: The stage's folder with its ``data``.
        facts: What the manifest says.

    Returns:
        The card's path.
    """
    from jinja2 import Environment

    template = files("z1ray.curation.view").joinpath("card.md.j2").read_text()
    environment = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True)
    splits = [split for split in _SPLITS if any((output / "data").glob(f"{split}-*.parquet"))]
    text = environment.from_string(template).render(
        name="/".join(output.resolve().parts[-2:]),
        splits=splits,
        settings=(output / "config.yaml").read_text(),
        **facts,
    )
    write_text(output / CARD, text)
    return output / CARD
