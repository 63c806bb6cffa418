"""What methods put into a run besides the window's hint, in a model's own tokens."""

from dataclasses import dataclass

from z1ray.engine.tokens import text_token_ids, tokenizer
from z1ray.evaluation.methods.names import BUDGET_FORCING, BUDGET_FORCING_WAIT, TAG_CAPPED

FINAL_ANSWER = "Final Answer:"
WAIT = "Wait"

# Of R1, Qwen3 and most others; Magistral; Seed-OSS; models tuned with tags of their own.
_CLOSING_TAGS = ("</think>", "[/THINK]", "</seed:think>", "</thinking>", "</thought>", "</reasoning>")


@dataclass(frozen=True, slots=True)
class Marks:
    """Texts and token ids.

    Attributes:
        tag: Tokens of the tag that closes thinking, by which a run's own is found; none if the model has no tags.
        closing_text, closing: That tag between line breaks, which ends thinking; empty if the model has no tags.
        final_text, final: The same, and "Final Answer:".
        wait: "Wait".
    """

    tag: tuple[int, ...]
    closing_text: str
    closing: tuple[int, ...]
    final_text: str
    final: tuple[int, ...]
    wait: tuple[int, ...]


def ending(method: str, hint: str, own: Marks) -> str:
    """The text that ends thinking that is cut, and that the answer to be graded begins with.

    Args:
        method: By which the run was cut.
        hint: The window's hint.
        own: The model's marks.
    """
    if method in (BUDGET_FORCING, BUDGET_FORCING_WAIT):
        return own.final_text
    return own.closing_text if method == TAG_CAPPED else hint


def marks(model: str) -> Marks:
    """Those of a model, folder or hub name."""
    tag = closing_tag(model)
    closing = f"\n{tag}\n\n" if tag else ""
    final = (closing or "\n\n") + FINAL_ANSWER
    return Marks(
        tag=text_token_ids(model, tag) if tag else (),
        closing_text=closing,
        closing=text_token_ids(model, closing) if closing else (),
        final_text=final,
        final=text_token_ids(model, final),
        wait=text_token_ids(model, WAIT),
    )


def closing_tag(model: str) -> str | None:
    """The tag that closes a model's thinking: a token of its own, or one that its chat template writes."""
    found = tokenizer(model)
    vocabulary, template = found.get_added_vocab(), str(found.chat_template)
    return next((tag for tag in _CLOSING_TAGS if tag in vocabulary or tag in template), None)
