"""The request list: complete, stable, longest first."""

import json

import pytest

from z1ray.engine.config import EngineConfig
from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import problem
from z1ray.trajectories.config import GenerateConfig, ModeConfig
from z1ray.trajectories.requests import build_requests


def config(model, **settings) -> GenerateConfig:
    modes = {"short": ModeConfig(system_prompt="Be brief.", max_tokens=16), "long": ModeConfig(max_tokens=64)}
    given = {"samples_per_problem": 2, "engine": EngineConfig(device="cpu", max_model_len=200), **settings}
    return GenerateConfig(model=str(model), problems=[SourceConfig(kind="leetcode")], modes=modes, **given)


@pytest.fixture
def problems():
    return [problem(problem_id=f"x/{i}", source="x", question=f"Question {i}?") for i in range(3)]


def test_every_problem_mode_and_sample_once_longest_first(smollm2, problems):
    """A missing or doubled request is a lost or doubled trajectory; long ones first keep the tail short."""
    rows = build_requests(config(smollm2), problems)
    ids = [row["trajectory_id"] for row in rows]
    assert len(set(ids)) == len(ids) == 3 * 2 * 2
    assert [row["mode"] for row in rows] == ["long"] * 6 + ["short"] * 6
    assert ids[0] == "x/0#long#0"


def test_same_configuration_same_requests(smollm2, problems):
    """Resuming relies on it: same ids, prompts and seeds."""
    assert build_requests(config(smollm2), problems) == build_requests(config(smollm2), problems)
    other = build_requests(config(smollm2, seed=1), problems)
    assert [row["trajectory_id"] for row in other] == [
        row["trajectory_id"] for row in build_requests(config(smollm2), problems)
    ]
    seeds = {json.loads(row["sampling"])["seed"] for row in other}
    assert len(seeds) == len(other)


def test_prompt_is_the_models_chat_template(smollm2, problems):
    """One rendering, no doubled special tokens, open at the assistant's turn."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(smollm2)
    short = next(row for row in build_requests(config(smollm2), problems) if row["mode"] == "short")
    assert tokenizer.decode(short["tokenized_prompt"]) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nQuestion 0?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_question_longer_than_the_context_is_refused_by_id(smollm2, problems):
    """Before any engine starts, with the figures and what to change."""
    problems[1]["question"] = "word " * 150
    with pytest.raises(UserError) as caught:
        build_requests(config(smollm2), problems)
    for part in ("x/1", "tokens", "max_model_len", "modes.long.max_tokens"):
        assert part in str(caught.value)
