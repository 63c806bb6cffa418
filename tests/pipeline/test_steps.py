"""The steps of an experiment with variants."""

import json
import time

import pytest

from z1ray import artifacts
from z1ray.config import load
from z1ray.errors import UserError
from z1ray.evaluation.problems import FILE, write_problems
from z1ray.pipeline.steps import STAGES, Asked, plan_steps, without
from z1ray.problems.load import load_problems

CONFIG = "conf/miniature.yaml"
ABLATIONS = "conf/miniature-ablations.yaml"


def steps(*changes, stages=tuple(STAGES), path=CONFIG):
    words = ["root=/runs", *changes]
    return plan_steps(Asked(path, words, list(stages)), load(path, words)).steps


def test_a_variant_has_a_dataset_and_a_checkpoint_of_its_own_from_the_same_trajectories():
    found = {step.name: step for step in steps()}
    assert list(found) == [
        "generate",
        "curate",
        "train",
        "curate (long-only)",
        "train (long-only)",
        "serve",
        "evaluate",
    ]
    own, varied = found["curate"].config.curate, found["curate (long-only)"].config.curate
    assert (own.per_problem, varied.per_problem) == ("shortest", "longest")
    assert own.trajectories == varied.trajectories == "/runs/miniature/trajectories"
    assert str(found["train (long-only)"].folder) == "/runs/miniature/variants/long-only/checkpoint"
    assert found["train (long-only)"].config.train.dataset == "/runs/miniature/variants/long-only/dataset"
    assert found["evaluate"].config.evaluate.models["long-only"].startswith(str(found["train (long-only)"].folder))


def test_the_words_of_a_step_give_its_configuration():
    """The job loads what the plan saw."""
    for step in steps():
        assert load(CONFIG, list(step.words)) == step.config


def test_only_the_asked_stages_are_planned():
    assert [step.name for step in steps(stages=["train"])] == ["train", "train (long-only)"]


def test_a_variant_that_changes_a_shared_stage_is_refused():
    with pytest.raises(UserError, match=r"evaluate\.budgets"):
        steps("variants.other=['evaluate.budgets=[1]']")


def test_a_report_is_drawn_anew_for_another_confidence_or_edited_tests(tmp_path):
    """A finished evaluation is skipped only while its report shows what is asked for."""
    problems = tmp_path / "problems.jsonl"
    line = '{"problem_id": "a", "question": "What is 1?", "tests": {"kind": "reference", "reference": "%d"}}\n'
    problems.write_text(line % 1)
    source = f"evaluate.benchmarks=[{{kind: jsonl, path: {problems}, name: own}}]"
    words = [f"output_dir={tmp_path}", source, "evaluate.models={m: nowhere}"]

    def step(*more):
        (found,) = steps(*words, *more, stages=["evaluate"])
        return found

    evaluate = step().config.evaluate
    artifacts.begin(tmp_path / "evaluation", evaluate)
    artifacts.finish(tmp_path / "evaluation", time.time())
    assert not step().is_done()
    write_problems(load_problems(evaluate.benchmarks), tmp_path / "evaluation" / FILE)
    (tmp_path / "findings.json").write_text(json.dumps({"confidence": evaluate.confidence}))
    (tmp_path / "report.html").touch()
    assert step().is_done()
    assert not step("evaluate.confidence=0.9").is_done()
    problems.write_text(line % 2)
    assert not step().is_done()


def test_a_variant_that_is_left_out_is_neither_made_nor_evaluated():
    """So one that cannot be made does not hold up the others."""
    assert [step.name for step in steps("variants.long-only=null", stages=["train"])] == ["train"]
    left = without(steps(stages=["evaluate"])[0], ["long-only"], CONFIG)
    assert set(left.config.evaluate.models) == {"base", "short+long"}
    assert load(CONFIG, list(left.words)) == left.config


def test_the_shipped_ablations_are_at_equal_tokens_but_for_sample_size():
    """What a variant is named for is all in which it differs."""
    found = {step.variant: step.config.curate for step in steps(path=ABLATIONS, stages=["curate"])}
    own = found.pop(None)
    assert own.token_budget is not None
    sizes = {name: curate.token_budget / own.token_budget for name, curate in found.items()}
    assert {name: size for name, size in sizes.items() if size != 1} == {"quarter": 0.25, "half": 0.5}
    assert {name: found[name].selection for name in ("longest", "shortest", "random")} == {
        "longest": "longest",
        "shortest": "shortest",
        "random": "random",
    }
    shares = {name: found[name].quotas.difficulty["easy"] for name in ("easy-25", "easy-50", "easy-75")}
    assert shares == {"easy-25": 0.25, "easy-50": 0.5, "easy-75": 0.75}
    assert own.sources == ["programs-easy", "programs-hard"]
    assert found["mixed"].sources == []


def test_a_variant_takes_over_the_verdicts_of_the_experiments_own_dataset():
    """The same answers are not run once more for every variant, unless they run under other limits."""
    words = ["variants.slow=['curate.sandbox.timeout_s=9']"]
    found = {step.variant: step.config.curate.verdicts for step in steps(*words, stages=["curate"])}
    assert found == {None: None, "long-only": "/runs/miniature/dataset", "slow": None}
