"""From a question and its response to token ids, and which of them are trained.

The text is the model's own chat template. The prompt's tokens are exactly those
the model will see when it is asked the question, and of the rest only the
response and the token that ends the turn are kept: what a template writes after
that token (ChatML: a newline) can influence nothing before it.

Source: response-only loss over ChatML with ``<|im_end|>`` trained, section
"Training" of arXiv 2504.00810.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from z1ray.errors import UserError
from z1ray.prompts import chat_messages
from z1ray.records import Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a token that is not trained."""

_ROWS_AT_ONCE = 512


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """One training sequence.

    Attributes:
        trajectory_id: The example it was made from.
        input_ids: Prompt, response and end-of-turn token.
        num_prompt_tokens: How many of them are prompt, and so not trained.
    """

    trajectory_id: str
    input_ids: list[int]
    num_prompt_tokens: int


def tokenize(
    tokenizer: "PreTrainedTokenizerBase", rows: Sequence[Row], system_prompt: str
) -> Iterator[TokenizedExample]:
    """Tokenize Example rows in order.

    Args:
        tokenizer: The student's, with its chat template.
        rows: Rows with ``trajectory_id``, ``question`` and ``text``.
        system_prompt: The system turn; none if empty.

    Raises:
        UserError: If a row lacks question or response, or the template does not
            let prompt and response be told apart.
    """
    if tokenizer.chat_template is None:
        raise _bad_template(tokenizer, "there is none")
    end_tokens = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        chunk = rows[start : start + _ROWS_AT_ONCE]
        rendered = [render(tokenizer, row, system_prompt, end_tokens) for row in chunk]
        prompts = _encode(tokenizer, [prompt for prompt, _ in rendered])
        wholes = _encode(tokenizer, [prompt + completion for prompt, completion in rendered])
        for row, (_, completion), prompt, whole in zip(chunk, rendered, prompts, wholes, strict=True):
            if whole[: len(prompt)] != prompt:
                # A token merged across the boundary (a response that starts with a newline).
                # When generating, the prompt is complete before the response begins.
                whole = prompt + _encode(tokenizer, [completion])[0]
            yield TokenizedExample(row["trajectory_id"], whole, len(prompt))


def render(
    tokenizer: "PreTrainedTokenizerBase", row: Row, system_prompt: str, end_tokens: list[str]
) -> tuple[str, str]:
    """The text of the prompt, and that of the response with the token that ends the turn.

    Raises:
        UserError: As ``tokenize`` does.
    """
    for name in ("question", "text"):
        if not (row[name] or "").strip():
            raise UserError(
                f"example {row['trajectory_id']!r}: {name}",
                row[name],
                "an example to train on needs a question and a response",
                "curate the dataset anew, or drop the row",
            )
    asked = chat_messages(row["question"], system_prompt)
    answered = [*asked, {"role": "assistant", "content": row["text"]}]
    prompt = _apply(tokenizer, asked, add_generation_prompt=True)
    whole = _apply(tokenizer, answered, add_generation_prompt=False)
    if not whole.startswith(prompt):
        raise _bad_template(tokenizer, "the prompt with its generation prompt is no prefix of the whole conversation")
    completion = whole[len(prompt) :]
    # Some templates (Llama 3) strip what they are given.
    text = next((text for text in (row["text"], row["text"].strip()) if completion.startswith(text)), None)
    if text is None:
        raise _bad_template(tokenizer, "it does not write the response as it is")
    tail = completion[len(text) :]
    ends = [tail.index(token) + len(token) for token in end_tokens if token in tail]
    if not ends:
        raise _bad_template(tokenizer, "no special token ends the assistant's turn")
    return prompt, text + tail[: min(ends)]


def _apply(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
    return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt))


def _encode(tokenizer: "PreTrainedTokenizerBase", texts: list[str]) -> list[list[int]]:
    # The template has written every special token, a begin-of-text token included.
    ids: list[list[int]] = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return ids


def _bad_template(tokenizer: "PreTrainedTokenizerBase", problem: str) -> UserError:
    return UserError(
        "train.model",
        tokenizer.name_or_path,
        f"its chat template cannot be trained on: {problem}",
        "use a chat model whose template writes a generation prompt, the response and an end-of-turn token, as ChatML",
    )
