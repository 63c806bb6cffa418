"""A model's own tokens: chat prompts, hints and the tokens that end a turn."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from z1ray.engine.chat import PLACEHOLDER, Rendered, control_tokens, encode, written
from z1ray.errors import UserError
from z1ray.prompts import Message


@cache
def tokenizer(model: str) -> Any:
    """The model's tokenizer; UserError if it has no chat template."""
    found = _tokenizer_class(model).from_pretrained(model)
    if not found.chat_template:
        raise UserError("model", model, "its tokenizer has no chat template", "use an instruction-tuned model")
    return found


def _tokenizer_class(model: str) -> Any:
    """What reads the model's tokenizer: ``AutoTokenizer``, unless its folder names the class that would find.

    ``AutoTokenizer`` imports torch to look at the model's configuration: four seconds of each worker that only
    needs the tokenizer.
    """
    settings = Path(model) / "tokenizer_config.json"
    if settings.is_file() and json.loads(settings.read_text()).get("tokenizer_class") == "TokenizersBackend":
        from transformers import TokenizersBackend

        return TokenizersBackend
    from transformers import AutoTokenizer

    return AutoTokenizer


def chat_token_ids(model: str, chats: Sequence[list[Message]]) -> list[list[int]]:
    """Token ids of each conversation, ending where the assistant's turn begins.

    Control tokens within its last message are text, as in training, unless the template changes the message.
    """
    found = tokenizer(model)
    control = control_tokens(found)
    return encode(found, [_rendered(found, chat, control) for chat in chats])


def _rendered(found: Any, chat: list[Message], control: list[str]) -> Rendered:
    """A conversation's text; where its last message is, if that matters."""
    whole, message = _prompt(found, chat), chat[-1]
    if not any(token in message["content"] for token in control):
        return Rendered(whole, slice(0, 0))
    before, _, after = _prompt(found, [*chat[:-1], message | {"content": PLACEHOLDER}]).partition(PLACEHOLDER)
    text = written(whole, (before, after), message["content"]) or ""
    return Rendered(whole, slice(len(before), len(before) + len(text)))


def _prompt(found: Any, chat: list[Message]) -> str:
    return str(found.apply_chat_template(chat, tokenize=False, add_generation_prompt=True))


def text_token_ids(model: str, text: str) -> tuple[int, ...]:
    """Token ids of a piece of text inside a turn, without special tokens."""
    return tuple(tokenizer(model).encode(text, add_special_tokens=False))


def end_token_ids(model: str) -> frozenset[int]:
    """Tokens that end a turn, as vLLM takes them from the model's folder."""
    from transformers import AutoConfig, GenerationConfig

    try:
        named = GenerationConfig.from_pretrained(model).eos_token_id
    except OSError:  # a model may come without generation_config.json
        named = getattr(AutoConfig.from_pretrained(model), "eos_token_id", None)
    listed = named if isinstance(named, list) else [named]
    return frozenset(token for token in [*listed, tokenizer(model).eos_token_id] if token is not None)


@cache
def newline_token_ids(model: str) -> frozenset[int]:
    """Tokens whose text ends with a newline, from the whole vocabulary: where a line can end."""
    found = tokenizer(model)
    tokens = sorted(found.get_vocab().values())
    texts = found.batch_decode([[token] for token in tokens], clean_up_tokenization_spaces=False)
    return frozenset(token for token, text in zip(tokens, texts, strict=True) if text.endswith("\n"))


def context_length(model: str, max_model_len: int | None) -> int:
    """Longest sequence in tokens, prompt and output together: as configured, else the model's own."""
    if max_model_len is not None:
        return max_model_len
    from transformers import AutoConfig

    return int(AutoConfig.from_pretrained(model).max_position_embeddings)
