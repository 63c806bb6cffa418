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

from z1ray.engine.chat import PLACEHOLDER, Rendered, control_tokens, encode, written
from z1ray.errors import UserError
from z1ray.prompts import chat_messages
from z1ray.records import Row

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORE_INDEX = -100
"""Label of a token that is left out of the loss, as in ``torch.nn.CrossEntropyLoss(ignore_index=-100)``."""

_NONE = slice(0, 0)
# A tokenizer's result takes about a hundred times the room of its ids.
_ROWS_AT_ONCE = 256

# What a template writes before and after the question of a prompt, and before and after the response to it.
_Frames = tuple[tuple[str, str], tuple[str, str]]


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


class _Conversation(NamedTuple):
    """What is masked, with the question in it, and what is trained, with the response in it."""

    prompt: Rendered
    completion: Rendered


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
    control = control_tokens(tokenizer)
    frames = _frames(tokenizer, system_prompt, control)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        yield from _batch(tokenizer, rows[start : start + _ROWS_AT_ONCE], system_prompt, vocabulary, control, frames)


def _batch(
    tokenizer: "PreTrainedTokenizerBase",
    rows: Sequence[Row],
    system_prompt: str,
    vocabulary: int | None,
    control: list[str],
    frames: _Frames,
) -> Iterator[TokenizedExample | Refused]:
    usable: dict[int, _Conversation] = {}
    refused: dict[int, str] = {}
    for number, row in enumerate(rows):
        try:
            usable[number] = _rendered(tokenizer, row, system_prompt, control, frames)
        except _Unusable as error:
            refused[number] = str(error)
    made = dict(zip(usable, _ids(tokenizer, list(usable.values()), control), strict=True))
    for number, row in enumerate(rows):
        yield _result(row["trajectory_id"], made.get(number), refused.get(number, ""), vocabulary)


def _result(
    trajectory_id: str, made: tuple[list[int], int] | None, reason: str, vocabulary: int | None
) -> TokenizedExample | Refused:
    if made is None:
        return Refused(trajectory_id, reason)
    if vocabulary is not None and (largest := max(made[0])) >= vocabulary:
        return Refused(trajectory_id, f"token id {largest} is beyond the model's vocabulary of {vocabulary}")
    return TokenizedExample(trajectory_id, *made)


def _rendered(
    tokenizer: "PreTrainedTokenizerBase",
    row: Row,
    system_prompt: str,
    control: list[str],
    frames: _Frames,
) -> _Conversation:
    """The text of one conversation.

    What the template always writes before the response (Qwen3: an empty think block) counts as prompt.
    """
    question, text = _usable(row, "question"), _usable(row, "text")
    prompt_frame, frame = frames
    prompt = _apply(tokenizer, chat_messages(question, system_prompt), add_generation_prompt=True)
    answered = [*chat_messages(question, system_prompt), {"role": "assistant", "content": text}]
    whole = _apply(tokenizer, answered, add_generation_prompt=False)
    question = _found(prompt, prompt_frame, question, "question")
    if not whole.startswith(prompt):
        raise _Unusable("the template changes the question once it is answered")
    text = _found(whole[len(prompt) :], frame, text, "response")
    before, after = frame
    start = len(prompt_frame[0])
    return _Conversation(
        Rendered(prompt + before, slice(start, start + len(question))),
        Rendered(text + _end_of_turn(tokenizer, after, control), slice(0, len(text))),
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


def _frames(tokenizer: "PreTrainedTokenizerBase", system_prompt: str, control: list[str]) -> _Frames:
    """What the template writes around the question in a prompt, and around the response after it."""
    asked = chat_messages(PLACEHOLDER, system_prompt)
    prompt = _apply(tokenizer, asked, add_generation_prompt=True)
    answer = PLACEHOLDER[::-1]
    whole = _apply(tokenizer, [*asked, {"role": "assistant", "content": answer}], add_generation_prompt=False)
    if not whole.startswith(prompt):
        raise _bad_template(tokenizer, "the prompt with its generation prompt is no prefix of the whole conversation")
    before_question, found, after_question = prompt.partition(PLACEHOLDER)
    if not found:
        raise _bad_template(tokenizer, "it does not write the question as it is")
    before, found, after = whole[len(prompt) :].partition(answer)
    if not found:
        raise _bad_template(tokenizer, "it does not write the response as it is")
    _end_of_turn(tokenizer, after, control)
    return (before_question, after_question), (before, after)


def _found(rendered: str, frame: tuple[str, str], given: str, name: str) -> str:
    """How the template wrote a text."""
    text = written(rendered, frame, given)
    if text is None:
        raise _Unusable(f"the chat template does not write its {name} as it is")
    return text


def _end_of_turn(tokenizer: "PreTrainedTokenizerBase", tail: str, control: list[str]) -> str:
    ends = [tail.index(token) + len(token) for token in control if token in tail]
    if not ends:
        raise _bad_template(tokenizer, "no special token ends the assistant's turn")
    return tail[: min(ends)]


def _ids(
    tokenizer: "PreTrainedTokenizerBase", conversations: Sequence[_Conversation], control: list[str]
) -> Iterator[tuple[list[int], int]]:
    """Token ids of each conversation, and how many of them are prompt; most in one call of the tokenizer."""
    prompts = encode(tokenizer, [prompt for prompt, _ in conversations])
    whole = encode(
        tokenizer, [Rendered(prompt.whole + completion.whole, _NONE) for prompt, completion in conversations]
    )
    apart = [
        ids[: len(prompt)] != prompt or any(token in part.whole[part.text] for part in each for token in control)
        for each, prompt, ids in zip(conversations, prompts, whole, strict=True)
    ]
    # Control tokens in a text, or a token merged across the boundary (a response that starts with
    # a newline): when generating, the prompt is complete before the response begins.
    ends = iter(encode(tokenizer, [each.completion for each, split in zip(conversations, apart, strict=True) if split]))
    for prompt, ids, split in zip(prompts, whole, apart, strict=True):
        yield (prompt + next(ends) if split else ids), len(prompt)


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


def _bad_template(tokenizer: "PreTrainedTokenizerBase", problem: str) -> UserError:
    return UserError(
        "train.model",
        tokenizer.name_or_path,
        f"its chat template cannot be trained on: {problem}",
        "give the model folder a chat template (chat_template.jinja) that writes the generation prompt, then the "
        "response unchanged, then an end-of-turn token, as ChatML does",
    )
