"""Counting tokens of many texts with a model's own tokenizer."""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from z1ray.errors import UserError

_BATCH = 256


@cache
def load_tokenizer(model: str) -> Any:
    """The tokenizer of a model folder or hub name.

    The ``tokenizers`` library alone is enough to count, and loads in a tenth of a second
    where transformers takes several.

    Raises:
        UserError: If it cannot be had.
    """
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(_tokenizer_file(model)))


def count_tokens(texts: Mapping[str, str], model: str) -> dict[str, int]:
    """Number of tokens of each text, by id, without special tokens; counted on the cluster."""
    if not texts:
        return {}
    import ray

    rows = [{"id": name, "text": text} for name, text in texts.items()]
    counted = ray.data.from_items(rows).map_batches(partial(count_batch, model=model), batch_size=_BATCH)
    return {row["id"]: row["num_tokens"] for row in counted.take_all()}


def count_batch(batch: dict[str, Any], model: str) -> dict[str, Any]:
    """One batch of columns ``id`` and ``text``, as a Ray task."""
    encodings = load_tokenizer(model).encode_batch(list(batch["text"]), add_special_tokens=False)
    return {"id": batch["id"], "num_tokens": [len(encoding.ids) for encoding in encodings]}


def _tokenizer_file(model: str) -> Path:
    local = Path(model) / "tokenizer.json"
    if local.exists():
        return local
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(model, "tokenizer.json"))
    except OSError as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            "curate.tokenizer", model, f"it cannot be had: {reason}", "name a model folder, or a hub name in reach"
        ) from error
