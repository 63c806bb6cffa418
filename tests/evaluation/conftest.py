"""A model that marks its thinking with tags, as the window's competitors need one."""

from pathlib import Path

import pytest

from tests.models import two_layers
from z1ray.models import embedded


@pytest.fixture(scope="session")
def tagged_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with R1's two tags in its vocabulary."""
    tokenizer = embedded.load_tokenizer()
    tokenizer.add_tokens(["<think>", "</think>"])
    return two_layers(tokenizer, tmp_path_factory.mktemp("models") / "tagged")
