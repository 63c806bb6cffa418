"""Counting tokens of many texts with a model's own tokenizer."""

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from z1ray.curation.text.words import Array
from z1ray.errors import UserError


@cache
def load_tokenizer(model: str) -> Any:
    """The tokenizer of a model folder or hub name.

    The ``tokenizers`` library alone is enough to count, and loads in a tenth of a second
    where transformers takes several.

    Raises:
        UserError: If it cannot be had.
    """
    # Tasks run side by side already, one per CPU.
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(_tokenizer_file(model)))


def num_tokens(texts: Sequence[str | None], model: str) -> Array:
    """Number of tokens of each text without special tokens; 0 where there is none."""
    encodings = load_tokenizer(model).encode_batch_fast([text or "" for text in texts], add_special_tokens=False)
    return np.array([len(encoding) for encoding in encodings], dtype=np.int32)


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
