"""What z1ray reads off a model's vocabulary."""

from z1ray.engine.tokens import newline_token_ids, text_token_ids, tokenizer


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
