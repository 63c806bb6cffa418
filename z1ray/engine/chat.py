"""Conversations as token ids, the same in training, generation and evaluation.

What a template writes around a question or a response may be control tokens; what these texts
themselves hold is text. A question about chat formats must not end its own turn.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PLACEHOLDER = "z1ray-placeholder"


class Rendered(NamedTuple):
    """What a template wrote, and where in it is the text that is not the template's."""

    whole: str
    text: slice


def control_tokens(tokenizer: "PreTrainedTokenizerBase") -> list[str]:
    """The tokenizer's special tokens."""
    return [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]


def written(whole: str, frame: tuple[str, str], given: str) -> str | None:
    """How a template wrote a text within its frame: as it is, or (Llama 3) without white space around; else None."""
    return next((text for text in (given, given.strip()) if whole == frame[0] + text + frame[1]), None)


def encode(tokenizer: "PreTrainedTokenizerBase", conversations: Sequence[Rendered]) -> list[list[int]]:
    """Token ids of each conversation, in which control tokens within its text are plain text."""
    control = control_tokens(tokenizer)
    apart = [any(token in whole[text] for token in control) for whole, text in conversations]
    together = iter(
        _ids(tokenizer, [each.whole for each, split in zip(conversations, apart, strict=True) if not split])
    )
    return [
        _in_pieces(tokenizer, each) if split else next(together)
        for each, split in zip(conversations, apart, strict=True)
    ]


def _in_pieces(tokenizer: "PreTrainedTokenizerBase", each: Rendered) -> list[int]:
    before, after = _ids(tokenizer, [each.whole[: each.text.start], each.whole[each.text.stop :]])
    return before + _ids(tokenizer, [each.whole[each.text]], plain=True)[0] + after


def _ids(tokenizer: "PreTrainedTokenizerBase", texts: list[str], *, plain: bool = False) -> list[list[int]]:
    if not texts:
        return []
    # The template has written every special token, a begin-of-text token included.
    ids = tokenizer(texts, add_special_tokens=False, split_special_tokens=plain, return_attention_mask=False)
    return list(ids["input_ids"])
