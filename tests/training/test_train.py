"""The whole stage on a real Ray cluster: two workers, gloo, ZeRO-3."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import NUM_STEPS, TRAINED_END, MakeConfig, example, write_dataset
from z1ray.errors import UserError
from z1ray.training.config import TrainConfig
from z1ray.training.data import batches, dataset
from z1ray.training.data.tokenize import TokenizedExample
from z1ray.training.report import metrics
from z1ray.training.schedule import learning_rate
from z1ray.training.train import train


@pytest.mark.ray
def test_two_workers_equal_one_plain_torch_process(trained: Path, config: TrainConfig) -> None:
    """Loss of every step and weights at the end, against AdamW without Ray, DeepSpeed or our loss.

    Wrong scaling by workers or accumulation steps, a wrong schedule or clipping, a
    row trained twice, or an export of anything but the trained weights would show.
    """
    from transformers import AutoModelForCausalLM

    losses, model = plain_torch(config)
    assert [row["loss"] for row in metrics.read(trained)] == pytest.approx(losses, abs=1e-4)
    exported = AutoModelForCausalLM.from_pretrained(trained / "model", dtype=torch.float32)
    prompt = torch.tensor([[1, 9690, 198, 2683, 359, 253, 5356]])
    torch.testing.assert_close(exported(prompt).logits, model(prompt).logits, rtol=1e-3, atol=1e-3)


@pytest.mark.ray
def test_it_learns_and_says_so(trained: Path) -> None:
    """Random weights that see each example twice predict it better; manifest and metrics agree."""
    rows = metrics.read(trained)
    manifest = json.loads((trained / "manifest.json").read_text())
    assert [row["step"] for row in rows] == list(range(1, NUM_STEPS + 1))
    assert rows[-1]["loss"] < 0.75 * rows[0]["loss"]
    expected = {"num_examples": 13, "num_dropped_too_long": 1, "num_steps": NUM_STEPS, "num_epochs": 2.0}
    assert {name: manifest[name] for name in expected} == expected
    assert manifest["num_resumes"] == 0
    assert (manifest["first_loss"], manifest["last_loss"]) == (rows[0]["loss"], rows[-1]["loss"])
    assert manifest["num_trained_tokens"] == sum(row["num_tokens"] for row in rows)
    assert all(row["grad_norm"] > 0 and row["seconds"] > 0 and row["tokens_per_second"] > 0 for row in rows)


@pytest.mark.ray
def test_steps_differ_in_their_micro_batches(trained: Path, config: TrainConfig) -> None:
    """What the equality above covers: accumulation over one and two rounds, and a worker without an example.

    The fill ratio on record is that of these rows: one of two workers busy is half.
    """
    rows = metrics.read(trained)
    assert {row["num_micro_batches"] for row in rows} == {1, 2}
    last = rows[-1]
    assert (last["num_micro_batches"], last["fill_ratio"]) == (1, 0.5)
    offered = sum(row["num_input_tokens"] / row["fill_ratio"] for row in rows)
    manifest = json.loads((trained / "manifest.json").read_text())
    assert manifest["fill_ratio"] == pytest.approx(sum(row["num_input_tokens"] for row in rows) / offered, abs=1e-3)


@pytest.mark.ray
def test_the_export_is_a_complete_model_folder(trained: Path, config: TrainConfig) -> None:
    """Every later stage gets only this folder: template, stop token, and the tied weight once."""
    from safetensors import safe_open
    from transformers import AutoTokenizer, GenerationConfig

    folder = trained / "model"
    ours, base = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(config.model)
    assert ours.chat_template == base.chat_template
    stops = [base.eos_token_id, base.convert_tokens_to_ids(TRAINED_END)]
    assert len(set(stops)) == 2
    assert GenerationConfig.from_pretrained(folder).eos_token_id == stops
    with safe_open(folder / "model.safetensors", "pt") as weights:
        assert "lm_head.weight" not in weights.keys()  # noqa: SIM118
        assert weights.get_tensor("model.embed_tokens.weight").dtype == torch.float32
    assert not (trained / "state").exists()
    assert not (trained / "model.partial").exists()


@pytest.mark.ray
def test_a_finished_stage_is_not_run_again(trained: Path, config: TrainConfig) -> None:
    """`make demo` a second time skips what is done; other settings are refused, not mixed in."""
    before = (trained / "model" / "model.safetensors").stat().st_mtime_ns
    assert train(config, trained) == json.loads((trained / "manifest.json").read_text())
    assert (trained / "model" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(UserError, match="work done with other settings"):
        train(dataclasses.replace(config, seed=1), trained)


def test_mistakes_are_told_before_anything_starts(make_config: MakeConfig, tmp_path: Path) -> None:
    """Model, dataset, context, warm-up and storage are checked by the driver, without a cluster; with --force, too,
    before the work it is to replace is removed.
    """
    for field, mistake in {
        "train.model": make_config({"model": str(tmp_path / "no-model")}),
        "train.dataset": make_config({"dataset": str(tmp_path / "no-dataset")}),
        "train.batch.max_length": make_config({"batch.max_length": 2049}),
        "train.optimizer.warmup_steps": make_config({"optimizer.warmup_steps": NUM_STEPS}),
        "train.checkpoint.storage": make_config({"checkpoint.storage": "nowhere://bucket"}),
    }.items():
        old = write_dataset(tmp_path / field, [example(1, text="old work")])
        with pytest.raises(UserError) as caught:
            train(mistake, old, force=True)
        assert caught.value.field == field
        assert (old / "manifest.json").exists()
        assert len(dataset.read_examples(old)) == 1


def plain_torch(config: TrainConfig, num_steps: int = NUM_STEPS) -> tuple[list[float], Any]:
    """The same training in one process, an example at a time: loss of every step, and the model at the end."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config.model)
    examples = dataset.tokenize_dataset(config, tokenizer).fitting
    model = AutoModelForCausalLM.from_pretrained(config.model, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=config.optimizer.weight_decay)
    losses = []
    for step in range(num_steps):
        chosen = [examples[index] for index in batches.step_examples(step, len(examples), config)]
        optimizer.zero_grad()
        losses.append(sum(_backward(model, each, chosen) for each in chosen))
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.optimizer.gradient_clipping)
        rate = learning_rate(step, NUM_STEPS, peak=config.optimizer.lr, warmup_steps=config.optimizer.warmup_steps)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
    return losses, model


def _backward(model: Any, example: TokenizedExample, step: list[TokenizedExample]) -> float:
    """One example's share of the mean loss over the step's trained tokens, by transformers' own loss."""
    input_ids = torch.tensor([example.input_ids])
    labels = input_ids.clone()
    labels[:, : example.num_prompt_tokens] = -100
    num_trained = [len(each.input_ids) - each.num_prompt_tokens for each in (example, *step)]
    share = model(input_ids=input_ids, labels=labels).loss * num_trained[0] / sum(num_trained[1:])
    share.backward()
    return float(share.detach())
