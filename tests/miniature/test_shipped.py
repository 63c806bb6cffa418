"""The base that comes with the package: whole, small, and able to do what its card says."""

import json
from typing import Any

import pytest

from z1ray.miniature.lessons import LONG_PROMPT, SHORT_PROMPT
from z1ray.miniature.pretrain import Recipe
from z1ray.models.lookup import require
from z1ray.models.miniature import NAME, SHIPPED, prepare
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.prompts import chat_messages

NUM_PROGRAMS = 40


def test_it_is_a_whole_model_under_four_megabytes():
    require("models", str(SHIPPED))
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 4_000_000
    recipe = json.loads((SHIPPED / "recipe.json").read_text())
    assert (recipe["seed"], recipe["num_steps"]) == (Recipe().seed, Recipe().num_steps)
    assert f"{recipe['tokens']:,} tokens" in (SHIPPED / "README.md").read_text()


def test_it_is_put_in_place_once_and_again_when_it_changed(tmp_path):
    folder = tmp_path / NAME
    assert prepare(folder)
    assert not prepare(folder)
    (folder / "config.json").write_text("{}")
    assert prepare(folder)
    assert (folder / "config.json").read_bytes() == (SHIPPED / "config.json").read_bytes()


@pytest.mark.parametrize(
    ("difficulty", "system_prompt", "least"), [("easy", SHORT_PROMPT, 0.9), ("hard", LONG_PROMPT, 0.75)]
)
def test_it_answers_programs_it_never_saw(difficulty, system_prompt, least):
    """Easy ones at once, hard ones by running totals."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = SourceConfig(kind="programs", split="test", difficulty=[difficulty], limit=NUM_PROGRAMS, seed=1)
    rows = load_problems([source])
    tokenizer = AutoTokenizer.from_pretrained(SHIPPED, padding_side="left")
    model: Any = AutoModelForCausalLM.from_pretrained(SHIPPED)
    chats = [chat_messages(row["question"], system_prompt) for row in rows]
    prompts = [tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) for chat in chats]
    encoded = tokenizer(prompts, padding=True, return_tensors="pt", return_token_type_ids=False)
    written = model.generate(**encoded, max_new_tokens=80, do_sample=False)[:, encoded["input_ids"].shape[1] :]
    texts = tokenizer.batch_decode(written, skip_special_tokens=True)
    right = [text.splitlines()[-1] == f"Answer: {total(row)}" for text, row in zip(texts, rows, strict=True)]
    assert sum(right) / NUM_PROGRAMS >= least


def total(row) -> int:
    """What the row's program prints."""
    names: dict[str, int] = {}
    *lines, last = row["tests"]["reference"].splitlines()
    exec("\n".join(lines), {}, names)
    return names[last.removeprefix("print(").removesuffix(")")]
