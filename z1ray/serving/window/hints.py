"""A model's hints as tokens."""

from z1ray.engine.tokens import end_token_ids, text_token_ids
from z1ray.errors import UserError
from z1ray.window import WindowConfig


def hint_token_ids(model: str, window: WindowConfig) -> dict[str, tuple[int, ...]]:
    """The tokens of each configured hint, by name.

    Args:
        model: The model's folder or hub name.
        window: Its window settings.

    Raises:
        UserError: For a hint with a token that ends a turn: the engine would stop inside it.
    """
    ends = end_token_ids(model)
    hints = {name: text_token_ids(model, text) for name, text in window.hints.items()}
    for name, tokens in hints.items():
        if ends & set(tokens):
            problem = "it holds a token that ends the model's turn"
            raise UserError(f"window.hints.{name}", window.hints[name], problem, "leave that token out of the text")
    return hints
