"""What z1ray reads off a model's vocabulary."""

import subprocess
import sys

import pytest

from z1ray.engine.tokens import newline_token_ids, text_token_ids, tokenizer
from z1ray.models import miniature


def test_line_ends_are_exactly_the_tokens_whose_text_ends_with_a_newline(tiny_model):
    """A token missing here makes a run overshoot its line; one too many cuts it mid-line."""
    model = str(tiny_model)
    breaks = newline_token_ids(model)
    found = tokenizer(model)
    for token in range(len(found)):
        assert (token in breaks) == found.decode([token]).endswith("\n")
    for text in ("\n", "\n\n", " \n", "\r\n", "x = 1\n", "}\n\n"):
        assert text_token_ids(model, text)[-1] in breaks
    for text in ("\n ", "\n    x", "\t", ".", "\r"):
        assert text_token_ids(model, text)[-1] not in breaks


@pytest.mark.parametrize("fixture", ["smollm2", "quick_model"])
def test_the_tokenizer_is_the_one_that_transformers_finds(fixture, request):
    """Read without a look at the model's configuration, it must be the same in class, words and settings."""
    from transformers import AutoTokenizer

    model = str(request.getfixturevalue(fixture))
    ours, theirs = tokenizer(model), AutoTokenizer.from_pretrained(model)
    assert type(ours) is type(theirs)
    assert ours.init_kwargs == theirs.init_kwargs
    assert ours.get_vocab() == theirs.get_vocab()
    assert ours.all_special_ids == theirs.all_special_ids
    text = "<|im_start|>user\nHi <|im_end|> ünïcode 漢字\n\n  def f(x): return x"
    assert ours.encode(text) == theirs.encode(text)


def test_a_worker_that_only_needs_the_tokenizer_imports_no_torch():
    """It would cost each process seconds."""
    code = (
        "import sys; from z1ray.engine.tokens import text_token_ids; "
        f"assert text_token_ids({str(miniature.SHIPPED)!r}, 'x = 1'); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
