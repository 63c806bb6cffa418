"""Hints become tokens, and a hint that would end the run is refused."""

from pathlib import Path

import pytest

from z1ray.engine.tokens import text_token_ids, tokenizer
from z1ray.errors import UserError
from z1ray.serving.window.hints import hint_token_ids
from z1ray.window import CODE_HINT, WindowConfig


def test_a_hint_that_ends_the_turn_is_refused(tiny_model: Path) -> None:
    """The engine stops at such a token, forced or not: no cut run would ever have an answer."""
    model = str(tiny_model)
    assert hint_token_ids(model, WindowConfig())["code"] == text_token_ids(model, CODE_HINT)
    ending = WindowConfig(hints={"code": f"Enough.{tokenizer(model).eos_token}Now:"})
    with pytest.raises(UserError, match="ends the model's turn") as caught:
        hint_token_ids(model, ending)
    assert caught.value.field == "window.hints.code"
