"""Experiments load whole, and a mistake is told by key, value and remedy."""

from pathlib import Path

import pytest

from z1ray.config import load
from z1ray.errors import UserError
from z1ray.training.config import OptimizerConfig

CONF = Path(__file__).parent.parent / "conf"
LOCAL = CONF / "local.yaml"


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_experiment_loads(path):
    """A file in conf/ that does not load is useless to whoever submits it."""
    config = load(path)
    assert config.name == path.stem
    assert Path(config.output_dir).name == config.name


def test_paper_recipe():
    """conf/z1-7b.yaml is the paper's: a changed figure would no longer reproduce it."""
    config = load(CONF / "z1-7b.yaml")
    train = config.train
    assert (config.generate.teachers["qwq-32b"].model, train.model) == (
        "Qwen/QwQ-32B",
        "Qwen/Qwen2.5-Coder-7B-Instruct",
    )
    assert train.num_epochs == 2
    assert train.optimizer == OptimizerConfig(lr=1e-5, warmup_steps=100, weight_decay=0.0, gradient_clipping=1.0)
    assert (train.precision, train.batch.global_batch_size, train.num_workers) == ("bf16", 128, 8)
    assert (min(config.evaluate.budgets), max(config.evaluate.budgets)) == (512, 4096)


@pytest.mark.parametrize("name", ["z1-7b", "z1-7b-cluster"])
def test_paper_evaluation(name):
    """The four benchmarks of its tables, with the hint of each kind and room for the longest answer."""
    evaluate = load(CONF / f"{name}.yaml").evaluate
    assert {source.label: evaluate.hints[source.label] for source in evaluate.benchmarks} == {
        "math500": "math",
        "gpqa-diamond": "math",
        "bigcodebench-hard": "code",
        "livecodebench": "code",
    }
    assert evaluate.benchmarks[-1].options == {"release": "release_v5", "since": "2024-09-01"}
    assert evaluate.window.answer_tokens == 5000
    assert (evaluate.temperature, evaluate.system_prompt) == (0.0, "Please reason step by step.")


def test_overrides_win_over_the_file_and_interpolate():
    """Words on the command line are the last to speak, and folders follow the root."""
    config = load(LOCAL, ["root=/elsewhere", "generate.seed=3", "generate.modes.short.max_tokens=9"])
    assert config.generate.seed == 3
    assert config.generate.modes["short"].max_tokens == 9
    assert config.curate.trajectories == "/elsewhere/local/trajectories"


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("train.max_stepz=3", ["train.max_stepz = 3", "did you mean 'max_steps'"]),
        ("trian.seed=3", ["trian", "did you mean 'train'"]),
        ("generate.modes.short.max_token=5", ["generate.modes.short.max_token = 5", "'max_tokens'"]),
        ("train.max_steps=few", ["train.max_steps = 'few'", "Integer"]),
        ("train.precision=fp8", ["train.precision = 'fp8'", "'bf16', 'float32'"]),
        ("serve.port=70000", ["serve.port = 70000", "1 to 65535"]),
        (
            "train.batch.global_batch_size=1",
            ["train.batch.global_batch_size = 1", "2 workers would never get an example"],
        ),
        ("evaluate.budgets=[]", ["evaluate.budgets", "at least one"]),
        ("evaluate.budgets=[-5]", ["evaluate.budgets = -5"]),
        ("curate.tokenizer=${nowhere}", ["curate.tokenizer", "nowhere"]),
        ("generate.problems=[{kind: hub}]", ["path", "name the dataset"]),
        ("train.seed", ["train.seed", "key=value"]),
    ],
)
def test_mistakes_name_key_value_and_remedy(override, told):
    """One screen must be enough to correct a mistake."""
    with pytest.raises(UserError) as caught:
        load(LOCAL, [override])
    for part in told:
        assert part in str(caught.value)


def test_missing_mandatory_key_is_named(tmp_path):
    """A file without a model fails here, not after an hour."""
    path = tmp_path / "x.yaml"
    path.write_text(LOCAL.read_text().replace("      model: ${models_dir}/SmolLM2-135M-Instruct\n", "", 1))
    with pytest.raises(UserError, match=r"generate\.teachers\.smollm2\.model"):
        load(path)


@pytest.mark.parametrize("text", ["name: [", "name: a\nname: b\n"])
def test_broken_yaml_is_told(tmp_path, text):
    """A syntax error or a doubled key names the file, without a traceback."""
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(UserError, match=r"x\.yaml"):
        load(tmp_path / "x.yaml")


def test_missing_file_is_told(tmp_path):
    """The remedy points at conf/."""
    with pytest.raises(UserError, match="conf/"):
        load(tmp_path / "none.yaml")


def test_a_file_based_on_another_gives_only_what_differs(tmp_path):
    """Words still win over both; a list takes the other's place, a mapping is added to."""
    (tmp_path / "local.yaml").write_text(LOCAL.read_text())
    path = tmp_path / "x.yaml"
    path.write_text("name: x\nbased_on: local.yaml\ngenerate: {seed: 7, modes: {short: {max_tokens: 9}}}\n")
    config, base = load(path, ["generate.seed=8"]), load(LOCAL)
    assert (config.name, config.generate.seed, config.generate.modes["short"].max_tokens) == ("x", 8, 9)
    assert config.generate.modes["long"] == base.generate.modes["long"]
    assert config.train.optimizer == base.train.optimizer


@pytest.mark.parametrize(("named", "told"), [("none.yaml", "no such file"), ("y.yaml", "based on another itself")])
def test_a_base_that_is_missing_or_not_a_whole_experiment_is_told(tmp_path, named, told):
    (tmp_path / "y.yaml").write_text("name: y\nbased_on: x.yaml\n")
    (tmp_path / "x.yaml").write_text(f"name: x\nbased_on: {named}\n")
    with pytest.raises(UserError, match=told):
        load(tmp_path / "x.yaml")


def test_variants_are_evaluated_without_being_listed():
    """Under their names, from their own folders; one that is set to null is not there."""
    words = ["root=/runs", "variants.other=['train.seed=1']"]
    models = load(CONF / "miniature.yaml", words).evaluate.models
    assert list(models) == ["base", "short+long", "long-only", "other"]
    assert models["other"] == "/runs/miniature/variants/other/checkpoint/model"
    config = load(CONF / "miniature.yaml", [*words, "variants.other=null"])
    assert ("other" in config.variants, "other" in config.evaluate.models) == (False, False)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("variants={'a b': []}", "letters, digits"),
        ("variants.base=['train.seed=1']", "evaluated under it"),
        ("stages=[tarin]", "tarin"),
        ("variants_at_once=0", "1 or more"),
    ],
)
def test_variants_that_cannot_be_are_refused(word, told):
    with pytest.raises(UserError, match=told):
        load(CONF / "miniature.yaml", [word])
