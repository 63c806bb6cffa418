"""The whole stage on a real Ray cluster: two workers, gloo, ZeRO-3."""

import dataclasses
import json
import math
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from z1ray.errors import UserError
from z1ray.training import batches, dataset, metrics
from z1ray.training.config import TrainConfig
from z1ray.training.schedule import learning_rate
from z1ray.training.tokenize import tokenize
from z1ray.training.train import train

from .conftest import MakeConfig

NUM_STEPS = 8  # two epochs of 13 examples, four at a time: one example in the last step of each
DEADLINE_S = 180.0


@pytest.fixture(scope="module")
def config(make_config: MakeConfig) -> TrainConfig:
    """Gradient checkpointing as in the paper's recipe."""
    return make_config(gradient_checkpointing=True)


@pytest.fixture(scope="module")
def trained(ray_cluster: None, config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("train") / "train"
    train(config, output)
    return output


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
def test_the_export_is_a_complete_model_folder(trained: Path, config: TrainConfig) -> None:
    """Every later stage gets only this folder: template, stop token, and the tied weight once."""
    from safetensors import safe_open
    from transformers import AutoTokenizer, GenerationConfig

    folder = trained / "model"
    ours, base = AutoTokenizer.from_pretrained(folder), AutoTokenizer.from_pretrained(config.model)
    assert ours.chat_template == base.chat_template
    assert GenerationConfig.from_pretrained(folder).eos_token_id == base.eos_token_id
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


@pytest.mark.ray
def test_killed_twice_equals_uninterrupted(trained: Path, config: TrainConfig, tmp_path: Path) -> None:
    """First the driver and its whole cluster die, then, resubmitted, one worker dies (SIGKILL both).

    Steps, their data and the optimizer's state must continue from the newest
    checkpoint as if nothing had been: the same loss at every step.
    """
    output = tmp_path / "train"
    _train_and_kill_driver(config, output, checkpoint="step-000002")
    assert not (output / "manifest.json").exists()
    killer = threading.Thread(target=_kill_one_worker, args=(output, "step-000004"))
    killer.start()
    manifest = train(config, output)
    killer.join()
    starts = [json.loads(line)["step"] for line in (output / metrics.STARTS).read_text().splitlines()]
    assert len(starts) == 3
    assert 0 == starts[0] < starts[1] <= starts[2] < NUM_STEPS
    assert manifest["num_resumes"] == 2
    losses = [[(row["step"], row["loss"]) for row in metrics.read(folder)] for folder in (output, trained)]
    assert [step for step, _ in losses[0]] == list(range(1, NUM_STEPS + 1))
    assert [loss for _, loss in losses[0]] == pytest.approx([loss for _, loss in losses[1]], abs=1e-5)


@pytest.mark.ray
def test_a_diverged_run_stops_with_a_remedy(ray_cluster: None, make_config: MakeConfig, tmp_path: Path) -> None:
    """Repeated by Ray Train as a worker failure it would diverge again, and say nothing useful."""
    config = make_config(learning_rate=1e30, warmup_steps=0, num_workers=1, gradient_clipping=1e30)
    with pytest.raises(UserError, match=r"step [2-4] is not finite \(its examples: test/") as caught:
        train(config, tmp_path / "train")
    assert caught.value.field == "train.learning_rate"
    assert not (tmp_path / "train" / "model").exists()
    assert all(math.isfinite(row["loss"]) for row in metrics.read(tmp_path / "train"))


def test_mistakes_are_told_before_anything_starts(make_config: MakeConfig, tmp_path: Path) -> None:
    """Model, dataset, context and warm-up are checked by the driver, without a cluster."""
    for field, mistake in {
        "train.model": make_config(model=str(tmp_path / "no-model")),
        "train.dataset": make_config(dataset=str(tmp_path / "no-dataset")),
        "train.max_length": make_config(max_length=2049),
        "train.warmup_steps": make_config(warmup_steps=NUM_STEPS),
    }.items():
        with pytest.raises(UserError) as caught:
            train(mistake, tmp_path / field)
        assert caught.value.field == field


def plain_torch(config: TrainConfig) -> tuple[list[float], Any]:
    """The same training in one process: loss of every step, and the model at the end."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config.model)
    rows = dataset.read_examples(Path(config.dataset))
    examples = [
        each for each in tokenize(tokenizer, rows, config.system_prompt) if len(each.input_ids) <= config.max_length
    ]
    model = AutoModelForCausalLM.from_pretrained(config.model, dtype=torch.float32)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=config.weight_decay)
    losses = []
    for step in range(NUM_STEPS):
        chosen = batches.step_examples(step, len(examples), config)
        input_ids, labels = batches.collate([examples[index] for index in chosen])
        loss = model(input_ids=input_ids, labels=labels).loss
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.gradient_clipping)
        rate = learning_rate(step, NUM_STEPS, peak=config.learning_rate, warmup_steps=config.warmup_steps)
        optimizer.param_groups[0]["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    return losses, model


DRIVER = """
import json, sys
from pathlib import Path
import ray
from z1ray.training.config import TrainConfig
from z1ray.training.train import train
ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=200_000_000)
train(TrainConfig(**json.loads(sys.argv[1])), Path(sys.argv[2]))
"""


def _train_and_kill_driver(config: TrainConfig, output: Path, checkpoint: str) -> None:
    with (output.parent / "driver.log").open("w") as log:
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, json.dumps(dataclasses.asdict(config)), str(output)], stdout=log, stderr=log
        )
    try:
        _wait(lambda: _is_registered(output, checkpoint) or driver.poll() is not None)
        assert driver.poll() is None, (output.parent / "driver.log").read_text()[-3000:]
    finally:
        for process in [*psutil.Process(driver.pid).children(recursive=True), psutil.Process(driver.pid)]:
            process.kill()
        driver.wait()


def _kill_one_worker(output: Path, checkpoint: str) -> None:
    """Wait until the second start of the workers has a checkpoint, then kill one of them."""
    _wait(lambda: len((output / metrics.STARTS).read_text().splitlines()) == 2 and _is_registered(output, checkpoint))
    workers = [
        process
        for process in psutil.Process().children(recursive=True)
        if process.cmdline() and process.cmdline()[0].startswith("ray::RayTrainWorker")
    ]
    assert len(workers) == 2
    workers[-1].kill()


def _is_registered(output: Path, checkpoint: str) -> bool:
    """Ray Train takes note of a checkpoint when its controller next looks, up to two seconds later."""
    snapshot = output / "state" / "run" / "checkpoint_manager_snapshot.json"
    return snapshot.exists() and checkpoint in snapshot.read_text()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
