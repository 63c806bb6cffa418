"""The generation config that goes with an exported model: where it stops."""

from typing import TYPE_CHECKING

from z1ray.errors import UserError

if TYPE_CHECKING:
    from transformers import GenerationConfig


def read(model: str) -> "GenerationConfig | None":
    """The generation config of a model; None if it has none of its own."""
    from transformers import GenerationConfig

    try:
        return GenerationConfig.from_pretrained(model)
    except OSError:
        return None


def require_exportable(model: str) -> None:
    """Refuse a model whose generation config ``save_pretrained`` would refuse after the whole training.

    Raises:
        UserError: With what is wrong in it.
    """
    config = read(model)
    if config is None:
        return
    try:
        config.validate(strict=True)
    except ValueError as error:
        raise UserError(
            "train.model",
            model,
            f"its generation_config.json contradicts itself, and could not be exported: {error}",
            "correct generation_config.json in a copy of the model folder, and name that folder",
        ) from error


def stop_at(config: "GenerationConfig", end: int) -> bool:
    """Add the trained end-of-turn token to those that stop generation; False if it was one already.

    Args:
        config: The generation config; changed in place.
        end: Id of the token that every training example ends with.
    """
    stops = config.eos_token_id
    known = [] if stops is None else [stops] if isinstance(stops, int) else list(stops)
    if end in known:
        return False
    config.eos_token_id = [*known, end] if known else end
    return True
