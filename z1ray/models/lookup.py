"""Check that a model is where the configuration says."""

import re
from pathlib import Path

from z1ray.errors import UserError

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def is_hub_name(model: str) -> bool:
    """True for ``owner/name`` that is no local folder."""
    return _HUB_NAME.fullmatch(model) is not None and not Path(model).exists()


def require(field: str, model: str) -> None:
    """Refuse a model folder that is missing or holds no model, before anything is started.

    A hub name (``owner/name`` that is no local folder) is left for the hub to answer.

    Raises:
        UserError: Naming ``field``, the folder and what it lacks.
    """
    folder = Path(model)
    if is_hub_name(model):
        return
    if not folder.exists():
        raise UserError(
            field, model, "there is no such folder", "name a folder with a model, or a hub model as owner/name"
        )
    lacking = [name for name in ("config.json", "tokenizer.json") if not (folder / name).exists()]
    if not any(folder.glob("*.safetensors")):
        lacking.append("*.safetensors")
    if lacking:
        raise UserError(
            field,
            model,
            f"the folder holds no model (it lacks {', '.join(lacking)})",
            "export the checkpoint first (jobs/train.py does), or name the folder that has these files",
        )
