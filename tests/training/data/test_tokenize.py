"""Which tokens are trained, to the token."""

import copy
from pathlib import Path
from typing import Any

import pytest

from tests.training.conftest import example
from z1ray.errors import UserError
from z1ray.training.data.tokenize import TokenizedExample, tokenize

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
    """Rows are tokenized in chunks; one lost at a seam would be a row dropped in silence."""
    rows = [example(number, text=f"answer {number}") for number in range(1100)]
    made = list(tokenize(tokenizer, rows, ""))
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
        (THINKING, "does not write the response as it is"),
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
def test_a_row_without_question_or_response_is_named(tokenizer: Any, name: str) -> None:
    """The user has to find the row among 107 thousand."""
    row = example(7, text="fine") | {name: None}
    with pytest.raises(UserError, match=r"test/007#short#0.*" + name):
        list(tokenize(tokenizer, [row], ""))


QWEN_2_5 = (
    "{%- if messages[0].role == 'system' %}{{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}"
    "{%- else %}{{- '<|im_start|>system\\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant."
    "<|im_end|>\\n' }}{%- endif %}"
    "{%- for message in messages %}{%- if not (loop.first and message.role == 'system') %}"
    "{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}{%- endif %}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
LLAMA_3_1 = (
    "{{- bos_token }}"
    "{%- if messages[0].role == 'system' %}{%- set system = messages[0].content | trim %}"
    "{%- set messages = messages[1:] %}"
    "{%- else %}{%- set system = '' %}{%- endif %}"
    "{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n"
    "Today Date: 26 Jul 2024\\n\\n' + system + '<|eot_id|>' }}"
    "{%- for message in messages %}{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' "
    "+ message.content | trim + '<|eot_id|>' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"
)


FAMILIES = {
    "qwen2.5": (QWEN_2_5, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"], {"eos_token": "<|im_end|>"}),
    "llama3.1": (
        LLAMA_3_1,
        ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"},
    ),
}


def tokenizer_of(family: str) -> Any:
    """A tokenizer of bytes with a family's special tokens and its chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    template, special, named = FAMILIES[family]

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    raw = Tokenizer(models.BPE({character: number for number, character in enumerate(alphabet)}, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(special)
    made = PreTrainedTokenizerFast(tokenizer_object=raw, **named)
    made.chat_template = template
    return made


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
