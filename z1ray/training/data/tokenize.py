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
from typing import TYPE_CHECKING, NamedTuple

from z1ray.errors import UserError
from z1ray.prompts import chat_messages
from z1ray.records import Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORE_INDEX = -100
"""Label of a token that is left out of the loss, as in ``torch.nn.CrossEntropyLoss(ignore_index=-100)``."""

_PLACEHOLDER = "z1ray-placeholder"


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


class Refused(NamedTuple):
    """A row that cannot be trained on, and why."""

    trajectory_id: str
    reason: str


class _Rendered(NamedTuple):
    """One conversation: what is masked, what is trained, and the texts in them that are not the template's."""

    prompt: str
    completion: str
    question: slice
    text: slice


class _Unusable(Exception):
    """A row that cannot be trained on; the message says why."""


def tokenize(
    tokenizer: "PreTrainedTokenizerBase", rows: Sequence[Row], system_prompt: str, vocabulary: int | None = None
) -> Iterator[TokenizedExample | Refused]:
    """Tokenize Example rows in order.

    Args:
        tokenizer: The student's, with its chat template.
        rows: Rows with ``trajectory_id``, ``question`` and ``text``.
        system_prompt: The system turn; none if empty.
        vocabulary: Rows of the model's embedding; None does not check token ids.

    Raises:
        UserError: If the template raises an error, or does not let prompt and response be told apart.
    """
    if tokenizer.chat_template is None:
        raise _bad_template(tokenizer, "there is none")
    control = [token.content for token in tokenizer.added_tokens_decoder.values() if token.special]
    frames = _frames(tokenizer, system_prompt, control)
    for row in rows:
        try:
            rendered = render(tokenizer, row, system_prompt, control, frames)
            ids, num_prompt_tokens = _ids(tokenizer, rendered, control)
            if vocabulary is not None and (largest := max(ids)) >= vocabulary:
                raise _Unusable(f"token id {largest} is beyond the model's vocabulary of {vocabulary}")
        except _Unusable as error:
            yield Refused(row["trajectory_id"], str(error))
        else:
            yield TokenizedExample(row["trajectory_id"], ids, num_prompt_tokens)


def render(
    tokenizer: "PreTrainedTokenizerBase",
    row: Row,
    system_prompt: str,
    control: list[str],
    frames: tuple[tuple[str, str], tuple[str, str]],
) -> _Rendered:
    """The text of one conversation.

    What the template always writes before the response (Qwen3: an empty think block) counts as prompt.
    """
    question, text = _usable(row, "question"), _usable(row, "text")
    prompt_frame, frame = frames
    prompt = _apply(tokenizer, chat_messages(question, system_prompt), add_generation_prompt=True)
    answered = [*chat_messages(question, system_prompt), {"role": "assistant", "content": text}]
    whole = _apply(tokenizer, answered, add_generation_prompt=False)
    question = _written(prompt, prompt_frame, question, "question")
    if not whole.startswith(prompt):
        raise _Unusable("the template changes the question once it is answered")
    text = _written(whole[len(prompt) :], frame, text, "response")
    before, after = frame
    start = len(prompt_frame[0])
    return _Rendered(
        prompt + before,
        text + _end_of_turn(tokenizer, after, control),
        slice(start, start + len(question)),
        slice(0, len(text)),
    )


def _usable(row: Row, name: str) -> str:
    text = row[name] or ""
    if not text.strip():
        raise _Unusable(f"its {name} is blank")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise _Unusable(f"its {name} is no valid Unicode: {error.reason}") from error
    return str(text)


def _frames(
    tokenizer: "PreTrainedTokenizerBase", system_prompt: str, control: list[str]
) -> tuple[tuple[str, str], tuple[str, str]]:
    """What the template writes around the question in a prompt, and around the response after it."""
    asked = chat_messages(_PLACEHOLDER, system_prompt)
    prompt = _apply(tokenizer, asked, add_generation_prompt=True)
    answer = _PLACEHOLDER[::-1]
    whole = _apply(tokenizer, [*asked, {"role": "assistant", "content": answer}], add_generation_prompt=False)
    if not whole.startswith(prompt):
        raise _bad_template(tokenizer, "the prompt with its generation prompt is no prefix of the whole conversation")
    before_question, found, after_question = prompt.partition(_PLACEHOLDER)
    if not found:
        raise _bad_template(tokenizer, "it does not write the question as it is")
    before, found, after = whole[len(prompt) :].partition(answer)
    if not found:
        raise _bad_template(tokenizer, "it does not write the response as it is")
    _end_of_turn(tokenizer, after, control)
    return (before_question, after_question), (before, after)


def _written(rendered: str, frame: tuple[str, str], given: str, name: str) -> str:
    """How the template wrote a text: as it is, or (Llama 3) without white space around it."""
    for text in (given, given.strip()):
        if rendered == frame[0] + text + frame[1]:
            return text
    raise _Unusable(f"the chat template does not write its {name} as it is")


def _end_of_turn(tokenizer: "PreTrainedTokenizerBase", tail: str, control: list[str]) -> str:
    ends = [tail.index(token) + len(token) for token in control if token in tail]
    if not ends:
        raise _bad_template(tokenizer, "no special token ends the assistant's turn")
    return tail[: min(ends)]


def _ids(tokenizer: "PreTrainedTokenizerBase", each: _Rendered, control: list[str]) -> tuple[list[int], int]:
    """Token ids of a conversation, and how many of them are prompt."""
    prompt = _encode_with_text(tokenizer, each.prompt, each.question, control)
    completion = each.completion
    if any(token in completion[each.text] for token in control):
        return prompt + _encode_with_text(tokenizer, completion, each.text, control), len(prompt)
    if any(token in each.prompt[each.question] for token in control):
        return prompt + _encode(tokenizer, completion), len(prompt)
    whole = _encode(tokenizer, each.prompt + completion)
    if whole[: len(prompt)] != prompt:
        # A token merged across the boundary (a response that starts with a newline).
        # When generating, the prompt is complete before the response begins.
        whole = prompt + _encode(tokenizer, completion)
    return whole, len(prompt)


def _encode_with_text(
    tokenizer: "PreTrainedTokenizerBase", rendered: str, text: slice, control: list[str]
) -> list[int]:
    """Token ids in which control tokens within ``text`` are plain text, those around it the template's."""
    if not any(token in rendered[text] for token in control):
        return _encode(tokenizer, rendered)
    before, after = rendered[: text.start], rendered[text.stop :]
    return _encode(tokenizer, before) + _encode(tokenizer, rendered[text], plain=True) + _encode(tokenizer, after)


def _apply(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], *, add_generation_prompt: bool) -> str:
    from jinja2 import TemplateError

    try:
        made = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=add_generation_prompt)
    except TemplateError as error:
        has_system = messages[0]["role"] == "system"
        raise UserError(
            "train.system_prompt" if has_system else "train.model",
            messages[0]["content"] if has_system else tokenizer.name_or_path,
            f"the chat template of {tokenizer.name_or_path} refuses the conversation: {error}",
            'set train.system_prompt="" if it knows no system turn' if has_system else "use another chat model",
        ) from error
    return str(made)


def _encode(tokenizer: "PreTrainedTokenizerBase", text: str, *, plain: bool = False) -> list[int]:
    # The template has written every special token, a begin-of-text token included.
    ids: list[int] = tokenizer(text, add_special_tokens=False, split_special_tokens=plain)["input_ids"]
    return ids


def _bad_template(tokenizer: "PreTrainedTokenizerBase", problem: str) -> UserError:
    return UserError(
        "train.model",
        tokenizer.name_or_path,
        f"its chat template cannot be trained on: {problem}",
        "give the model folder a chat template (chat_template.jinja) that writes the generation prompt, then the "
        "response unchanged, then an end-of-turn token, as ChatML does",
    )
