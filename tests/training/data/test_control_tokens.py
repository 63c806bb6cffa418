"""Control tokens are the template's alone, in whatever way a conversation is encoded."""

import itertools
from pathlib import Path

import pytest

from tests.training.conftest import example
from tests.training.data.families import FAMILIES, tokenizer_of
from z1ray.engine.tokens import chat_token_ids
from z1ray.prompts import chat_messages
from z1ray.training.data.tokenize import TokenizedExample, tokenize


@pytest.mark.parametrize("family", ["qwen2.5", "llama3.1"])
@pytest.mark.parametrize("place", ["question", "text"])
@pytest.mark.parametrize("system_prompt", ["", "Think."])
def test_control_tokens_in_a_text_stay_text(family: str, place: str, system_prompt: str) -> None:
    """A question about chat formats must not end the turn, nor a response teach the model to."""
    tokenizer = tokenizer_of(family)
    control = list(FAMILIES[family][1])
    written = f"What does {' and '.join(control)} mean? {control[-1]}"
    plain = example(1, text="Yes.") | {place: "plain"}
    (found,) = tokenize(tokenizer, [plain | {place: written}], system_prompt)
    (expected,) = tokenize(tokenizer, [plain], system_prompt)
    assert isinstance(found, TokenizedExample)
    assert isinstance(expected, TokenizedExample)
    ids = {tokenizer.convert_tokens_to_ids(token) for token in control}
    assert [each for each in found.input_ids if each in ids] == [each for each in expected.input_ids if each in ids]
    half = slice(None, found.num_prompt_tokens) if place == "question" else slice(found.num_prompt_tokens, None)
    assert written in tokenizer.decode(found.input_ids[half])


@pytest.mark.parametrize("family", ["qwen2.5", "llama3.1"])
def test_rows_together_have_the_ids_of_each_alone(family: str) -> None:
    """Rows are encoded together for speed; what one holds may not change how another is read."""
    tokenizer = tokenizer_of(family)
    control = FAMILIES[family][1]
    texts = ["Yes.", "\n\nnewlines\n", "", f"It is {control[0]}.", "é 漢字 🙂", f"{control[-1]}", "a\ud800b"]
    rows = [
        example(number, text=text) | {"question": question}
        for number, (question, text) in enumerate(itertools.product(["Why?", "\nWhy\n", control[-1], " "], texts * 10))
    ]
    together = list(tokenize(tokenizer, rows, "Think."))
    assert together == [each for row in rows for each in tokenize(tokenizer, [row], "Think.")]
    assert len(together) == len(rows) > 256


@pytest.mark.parametrize("family", ["qwen2.5", "llama3.1"])
@pytest.mark.parametrize("system_prompt", ["", "Think."])
def test_prompts_of_generation_are_those_of_training(tmp_path: Path, family: str, system_prompt: str) -> None:
    """A model asked in other tokens than it was trained on answers another question; a question about chat
    formats would end its own turn.
    """
    tokenizer, control = tokenizer_of(family), FAMILIES[family][1]
    tokenizer.save_pretrained(tmp_path)
    questions = ["Why?", "\n Why? \n", *control, f"What do {' and '.join(control)} mean?\n", f" {control[-1]} "]
    asked = chat_token_ids(str(tmp_path), [chat_messages(question, system_prompt) for question in questions])
    rows = [example(number, text="Yes.") | {"question": question} for number, question in enumerate(questions)]
    trained = [each for each in tokenize(tokenizer, rows, system_prompt) if isinstance(each, TokenizedExample)]
    assert asked == [each.input_ids[: each.num_prompt_tokens] for each in trained]
