"""From a request to what the engine takes: the chat template, its own seed, or a reason against it."""

import json

import pytest

from z1ray.records import TRAJECTORY, trajectory_id
from z1ray.trajectories.config import ModeConfig
from z1ray.trajectories.requests.prepare import Prepare, question_error

MODES = {"short": ModeConfig(system_prompt="Be brief.", max_tokens=16), "long": ModeConfig(max_tokens=64)}


def request(question, mode="short", name="x/0", **columns):
    made = {"request": 0, "problem_id": name, "mode": mode, "sample": 0, "question": question, "error": None}
    return made | {"trajectory_id": trajectory_id(name, mode, 0)} | columns


@pytest.fixture(scope="module")
def prepare(tiny_model) -> Prepare:
    return Prepare(str(tiny_model), context=200, modes=MODES, seed=3)


def test_the_prompt_is_the_models_chat_template(prepare, tiny_model):
    """One rendering, no doubled special tokens, open at the assistant's turn."""
    from transformers import AutoTokenizer

    (row,) = prepare([request("Question 0?")])
    assert AutoTokenizer.from_pretrained(tiny_model).decode(row["tokenized_prompt"]) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nQuestion 0?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert row["num_prompt_tokens"] == len(row["tokenized_prompt"])
    assert row["error"] is None


def test_each_request_has_its_own_seed_however_it_is_batched(prepare):
    """Resuming asks what is left in other batches, and must draw the same tokens."""
    rows = [request(f"Question {i}?", name=f"x/{i}") for i in range(8)]
    together = prepare(rows)
    assert together == [prepared for row in rows for prepared in prepare([row])]
    params = [json.loads(row["sampling"]) for row in together]
    assert len({one["seed"] for one in params}) == 8
    assert all(one["max_tokens"] == 16 and one["temperature"] == 0.7 for one in params)


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (None, "empty question"),
        ("", "empty question"),
        (" \n\t", "empty question"),
        ("sum \x00 numbers", "control character: U+0000 at position 4"),
        ("red \x1b[31m", "control character: U+001B"),
        ("it\x92s mojibake", "control character: U+0092"),
    ],
)
def test_questions_that_cannot_be_asked(question, told):
    """Each with its reason, and the details after a colon."""
    assert str(question_error(question)).startswith(told)


@pytest.mark.parametrize(
    "question", ["a\tb\r\nc", "naïve café", "和を求めよ", "emoji 👩‍💻", "zero\u200bwidth", "a\u00a0b"]
)
def test_unusual_text_is_not_unusable(question):
    """Tabs, line ends, every script, joiners and odd blanks are what problems are written in."""
    assert question_error(question) is None


def test_bad_requests_are_marked_and_their_neighbours_prepared(prepare):
    """One bad prompt must cost one row; the marked ones keep all that is known of them."""
    asked = [
        request("Good?"),
        request("a\x00b"),
        request("word " * 150, mode="long"),
        request("", error="unusable problem: no JSON"),
    ]
    rows = prepare(asked)
    assert [row["error"] and row["error"].partition(":")[0] for row in rows] == [
        None,
        "control character",
        "over the context",
        "unusable problem",
    ]
    assert rows[0]["num_prompt_tokens"] > 0
    assert rows[2]["num_prompt_tokens"] > 136
    assert str(rows[2]["num_prompt_tokens"]) in rows[2]["error"]
    assert all(json.loads(row["sampling"])["seed"] for row in rows)
    made = [prepare.trajectory(row) for row in rows]
    assert all(list(row) == TRAJECTORY.names for row in made)
    assert made[1]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "a\x00b"},
    ]
