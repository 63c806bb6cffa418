"""Which tokens are trained, to the token."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import example
from tests.training.data.families import tokenizer_of
from z1ray.errors import UserError
from z1ray.training.data.tokenize import Refused, TokenizedExample, tokenize

LLAMA_3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n\n{{ m.content | trim }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n\n{% endif %}"
)
PHI_3 = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% else %}<|endoftext|>{% endif %}"
)
NO_GENERATION_PROMPT = "{% for m in messages %}<|im_start|>{{ m.role }} {{ loop.length }}\n{{ m.content }}{% endfor %}"
THINKING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' %}<think></think>{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
CHANGING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{{ m.content | upper if m.role == 'assistant' else m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
NO_SYSTEM = "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + PHI_3
NO_END = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def with_template(tokenizer: Any, template: str | None) -> Any:
    other = copy.deepcopy(tokenizer)
    other.chat_template = template
    return other


def one(tokenizer: Any, text: str, system_prompt: str = "") -> TokenizedExample:
    (tokenized,) = tokenize(tokenizer, [example(1, text=text)], system_prompt)
    assert isinstance(tokenized, TokenizedExample), tokenized
    return tokenized


@pytest.mark.parametrize("system_prompt", ["", "Please reason step by step."])
@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "First line\n\nsecond line\n```python\nx = 1\n```",
        "\n\n starts with newlines",
        "ends with newlines\n\n",
        "é 漢字 🙂",
    ],
)
def test_response_and_end_of_turn_are_trained_and_nothing_else(tokenizer: Any, text: str, system_prompt: str) -> None:
    """Prompt tokens are those of inference and carry no label; a shift by one token would teach
    the model to write the template, or never to stop.
    """
    made = one(tokenizer, text, system_prompt)
    messages = [{"role": "user", "content": example(1, text=text)["question"]}]
    if system_prompt:
        messages.insert(0, {"role": "system", "content": system_prompt})
    prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert made.input_ids[: made.num_prompt_tokens] == prompt
    assert tokenizer.decode(made.input_ids[len(prompt) :]) == text + "<|im_end|>"


def test_only_the_last_token_ends_the_turn(tokenizer: Any) -> None:
    """ChatML's newline after ``<|im_end|>`` is no part of the example, the end token exactly its last."""
    made = one(tokenizer, "Two\nlines")
    end = tokenizer.convert_tokens_to_ids("<|im_end|>")
    trained = made.input_ids[made.num_prompt_tokens :]
    assert trained[-1] == end
    assert end not in trained[:-1]


def test_many_rows_keep_their_order_and_ids(tokenizer: Any) -> None:
    """A row lost would be dropped in silence."""
    rows = [example(number, text=f"answer {number}") for number in range(1100)]
    made = [each for each in tokenize(tokenizer, rows, "") if isinstance(each, TokenizedExample)]
    assert [each.trajectory_id for each in made] == [row["trajectory_id"] for row in rows]
    assert tokenizer.decode(made[1024].input_ids[made[1024].num_prompt_tokens :]) == "answer 1024<|im_end|>"


@pytest.mark.parametrize("template", [LLAMA_3, PHI_3])
def test_templates_that_trim_or_end_the_text_differently(tokenizer: Any, template: str) -> None:
    """Llama 3 strips the response, Phi 3 closes the whole text with another token: in both
    exactly the response and the turn's own end are trained.
    """
    made = one(with_template(tokenizer, template), "Answer.\n")
    trained = tokenizer.decode(made.input_ids[made.num_prompt_tokens :])
    assert trained == ("Answer.<|im_end|>" if template == LLAMA_3 else "Answer.\n<|im_end|>")


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        (NO_GENERATION_PROMPT, "no prefix"),
        (CHANGING, "does not write the response as it is"),
        (NO_END, "no special token ends"),
        (None, "there is none"),
    ],
)
def test_a_template_without_a_boundary_is_refused(tokenizer: Any, template: str | None, problem: str) -> None:
    """A guessed boundary would train prompt tokens, or text that is not the response."""
    with pytest.raises(UserError, match=problem) as caught:
        one(with_template(tokenizer, template), "Answer.")
    assert caught.value.field == "train.model"


@pytest.mark.parametrize("name", ["question", "text"])
@pytest.mark.parametrize(("value", "reason"), [(None, "blank"), (" \n", "blank"), ("a\ud800b", "no valid Unicode")])
def test_a_row_that_cannot_be_trained_on_is_refused_alone(tokenizer: Any, name: str, value: Any, reason: str) -> None:
    """One bad row among 107 thousand is named with its reason; it neither stops the others nor comes along."""
    rows = [example(6, text="fine"), example(7, text="fine") | {name: value}, example(8, text="fine")]
    before, refused, after = tokenize(tokenizer, rows, "")
    assert isinstance(before, TokenizedExample)
    assert isinstance(after, TokenizedExample)
    assert isinstance(refused, Refused)
    assert refused.trajectory_id == "test/007#short#0"
    assert f"its {name}" in refused.reason
    assert reason in refused.reason


def test_ids_beyond_the_vocabulary_are_refused(tokenizer: Any) -> None:
    """The embedding has no row for such a token: a crash of every worker, hours later."""
    largest = max(one(tokenizer, "fine").input_ids)
    (fits,) = tokenize(tokenizer, [example(1, text="fine")], "", largest + 1)
    (beyond,) = tokenize(tokenizer, [example(1, text="fine")], "", largest)
    assert isinstance(fits, TokenizedExample)
    assert isinstance(beyond, Refused)
    assert f"token id {largest} is beyond" in beyond.reason


def test_fixed_text_before_the_response_is_masked(tokenizer: Any) -> None:
    """Qwen3's empty think block and its like: the template writes it, so the model need not learn to."""
    made = one(with_template(tokenizer, THINKING), "Answer.")
    assert tokenizer.decode(made.input_ids[: made.num_prompt_tokens]).endswith("assistant\n<think></think>")
    assert tokenizer.decode(made.input_ids[made.num_prompt_tokens :]) == "Answer.<|im_end|>"


def test_a_templates_own_error_names_the_setting(tokenizer: Any) -> None:
    """Gemma's template knows no system turn: what helps is the system prompt, not a traceback from jinja."""
    with pytest.raises(UserError, match="System role not supported") as caught:
        one(with_template(tokenizer, NO_SYSTEM), "Answer.", "Think.")
    assert caught.value.field == "train.system_prompt"
    assert one(with_template(tokenizer, NO_SYSTEM), "Answer.", "")


QUESTION = "Write a function that adds 1 to its argument."
TEXT = "Let me think.\n\n```python\nx = 1\n```\n"


@pytest.mark.parametrize(
    ("family", "system_prompt", "prompt", "trained"),
    [
        (
            "qwen2.5",
            "Please reason step by step.",
            "<|im_start|>system\nPlease reason step by step.<|im_end|>\n"
            f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n",
            f"{TEXT}<|im_end|>",
        ),
        (
            "qwen2.5",
            "",
            "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
            f"<|im_start|>user\n{QUESTION}<|im_end|>\n<|im_start|>assistant\n",
            f"{TEXT}<|im_end|>",
        ),
        (
            "llama3.1",
            "Please reason step by step.",
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\n"
            "Today Date: 26 Jul 2024\n\nPlease reason step by step.<|eot_id|>"
            f"<|start_header_id|>user<|end_header_id|>\n\n{QUESTION}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            f"{TEXT.strip()}<|eot_id|>",
        ),
    ],
)
def test_qwen_and_llama_to_the_token(family: str, system_prompt: str, prompt: str, trained: str) -> None:
    """The two families' own formats: what is masked and what is trained, written out. A second begin-of-text token
    or a missing end of turn would teach a model what it never sees.
    """
    tokenizer = tokenizer_of(family)
    made = one(tokenizer, TEXT, system_prompt)
    assert tokenizer.decode(made.input_ids[: made.num_prompt_tokens]) == prompt
    assert tokenizer.decode(made.input_ids[made.num_prompt_tokens :]) == trained
    end = tokenizer.convert_tokens_to_ids(tokenizer.eos_token)
    assert made.input_ids[-1] == end
    assert made.input_ids.count(end) == prompt.count(tokenizer.eos_token) + 1
