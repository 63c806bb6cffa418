"""Model cards: what ``/v1/models`` says of a model, with the fields of OpenAI's API and of vLLM's server."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from z1ray.engine.tokens import context_length
from z1ray.models import lookup
from z1ray.upstream import ray_llm
from z1ray.upstream.ray_llm import ModelCard

if TYPE_CHECKING:
    from ray.serve.llm import LLMConfig


class Card(ModelCard):
    """Ray's card, completed.

    Attributes:
        created: When the model was written here, Unix seconds; 0 if that is not known.
        max_model_len: Its context in tokens, prompt and output together.
    """

    created: int
    max_model_len: int


class Cards(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[Card]


def card(name: str, source: str, config: "LLMConfig") -> Card:
    """The card of a model.

    Args:
        name: What clients call it.
        source: Its folder or hub name.
        config: Its deployment's.
    """
    context = context_length(source, config.engine_kwargs.get("max_model_len"))
    return Card(**ray_llm.model_card(name, config).model_dump(), created=_created(source), max_model_len=context)


def _created(source: str) -> int:
    """When the model's configuration was written, where it lies on this machine."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source, "config.json") if lookup.is_hub_name(source) else f"{source}/config.json"
    return int(Path(found).stat().st_mtime) if isinstance(found, str) and Path(found).exists() else 0
