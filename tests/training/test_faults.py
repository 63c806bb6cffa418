"""Training survives what kills it, exactly; what it cannot survive it tells.

Everything is real: SIGKILL within a step, a checkpoint cut in half, a weight that is not a
number, a disk without room.
"""

import json
import math
import shutil
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from tests.training import driver
from tests.training.conftest import NUM_STEPS, MakeConfig
from tests.training.test_train import plain_torch
from z1ray.errors import UserError
from z1ray.settings import changed
from z1ray.training.checkpoints import record
from z1ray.training.checkpoints.location import of_run
from z1ray.training.config import OptimizerConfig, TrainConfig
from z1ray.training.data import dataset
from z1ray.training.report import metrics
from z1ray.training.train import train

pytestmark = pytest.mark.ray

# What a step was computed from and what came out; seconds and rates differ from run to run.
EXACT = ("step", "examples_digest", "num_tokens", "num_input_tokens", "learning_rate")


class Interrupted(NamedTuple):
    """A run whose driver was killed.

    Attributes:
        config: Its settings; checkpoints lie behind a file system that is not this machine's own.
        output: The stage's folder.
        taken: Optimizer steps on record when it died.
        step: Of the older of its two checkpoints.
        exported: What ``jobs/export.py`` made of that one.
        log: What that job printed.
    """

    config: TrainConfig
    output: Path
    taken: int
    step: int
    exported: Path
    log: str


@pytest.fixture(scope="module")
def interrupted(config: TrainConfig, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    """Killed within a step, when two checkpoints were there; the older one was then exported."""
    run = tmp_path_factory.mktemp("interrupted")
    config = changed(config, {"checkpoint.storage": f"fsspec+local://{run}/bucket"})
    output, words = run / "checkpoint", driver.words(config, run)
    with driver.started([sys.executable, "jobs/train.py", *words], run / "log") as process:
        try:
            taken = driver.stop_mid_step(process.pid, output, num_starts=1, after=5)
        except AssertionError as error:
            raise AssertionError((run / "log").read_text()[-3000:]) from error
    step = record.find(of_run(output / "state"))[0][1].step
    done = driver.run_job("export", *words, "--step", str(step))
    assert done.returncode == 0, done.stderr[-3000:]
    return Interrupted(config, output, taken, step, output / f"model-{record.folder_name(step)}", done.stdout)


def test_a_model_is_exported_from_a_run_that_was_killed(interrupted: Interrupted, config: TrainConfig) -> None:
    """Without a worker, from checkpoints on other storage: the weights of exactly that step, and a card that says
    training was not finished.
    """
    from transformers import AutoModelForCausalLM

    _, model = plain_torch(config, num_steps=interrupted.step)
    exported = AutoModelForCausalLM.from_pretrained(interrupted.exported, dtype=torch.float32)
    for name, weight in model.state_dict().items():
        # A step moves a weight by up to 3e-3.
        torch.testing.assert_close(exported.state_dict()[name], weight, rtol=1e-4, atol=1e-4)
    assert (
        f"after {interrupted.step} of {NUM_STEPS} optimizer steps" in (interrupted.exported / "README.md").read_text()
    )
    assert not list(interrupted.output.glob("*.partial"))
    assert f"the model after step {interrupted.step} is in" in interrupted.log
    again = driver.run_job("export", *driver.words(interrupted.config, interrupted.output.parent), "--step", "3")
    assert again.returncode == 2
    assert f"(there: {interrupted.step}, {interrupted.step + 2})" in again.stderr


def test_killed_twice_with_half_a_checkpoint_equals_uninterrupted(
    interrupted: Interrupted, trained: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The driver died within a step, its newest checkpoint lost half a shard, and then a worker dies within a step.

    Steps, their data and the optimizer's state must continue from the newest whole
    checkpoint as if nothing had been, though the resumed run packs into rows of twice the length.
    """
    config, output, *_ = interrupted
    assert interrupted.taken % 2 == 1
    assert not (output / "manifest.json").exists()
    places = of_run(output / "state")
    newest, older = record.find(places)[0]
    shard = Path(places.path) / newest.name / sorted(newest.of_worker(1))[1]
    shard.write_bytes(shard.read_bytes()[: shard.stat().st_size // 2])

    killed: list[int] = []
    killer = threading.Thread(target=_kill_worker_mid_step, args=(output, killed))
    killer.start()
    manifest = train(changed(config, {"batch.micro_batch_size": 2 * config.batch.micro_batch_size}), output)
    killer.join()
    (taken,) = killed
    assert driver.starts_of(output) == [0, older.step, taken - 1]
    assert f"continuing after step {older.step}, not from {newest.name}: it is damaged" in capfd.readouterr().out
    assert manifest["num_resumes"] == 2
    ours, undisturbed = metrics.read(output), metrics.read(trained)
    assert [[row[name] for name in EXACT] for row in ours] == [[row[name] for name in EXACT] for row in undisturbed]
    assert [row["loss"] for row in ours] == pytest.approx([row["loss"] for row in undisturbed], abs=1e-5)
    resumed = slice(older.step, None)
    assert {row["num_micro_batches"] for row in ours[resumed]} == {1}
    assert max(row["num_micro_batches"] for row in undisturbed[resumed]) == 2
    # Nothing is left over, here or there.
    assert not (output / "state").exists()
    assert not Path(places.path).exists()


def _kill_worker_mid_step(output: Path, killed: list[int]) -> None:
    after = driver.starts_of(output)[0] + 5
    taken = driver.stop_mid_step(driver.own_pid(), output, num_starts=2, after=after)
    driver.workers(driver.own_pid())[-1].kill()
    killed.append(taken)


def test_one_poisoned_example_is_named(
    ray_cluster: None, make_config: MakeConfig, tiny_model: Path, tmp_path: Path
) -> None:
    """A loss that is not a number stops the run with the id of the one row to look at, not of all that were with it."""
    culprit, token = rare_token(make_config())
    model = tmp_path / "model"
    poison(tiny_model, model, token)
    config = make_config({"model": str(model), "num_epochs": 1, "optimizer.warmup_steps": 0})
    with pytest.raises(UserError, match="because of 1 of its") as caught:
        train(config, tmp_path / "train")
    assert (caught.value.field, caught.value.value) == ("train.dataset", culprit)
    assert not (tmp_path / "train" / "model").exists()
    assert all(math.isfinite(row["loss"]) for row in metrics.read(tmp_path / "train"))


def rare_token(config: TrainConfig) -> tuple[str, int]:
    """An example, and a token that no other example has."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(config.model)
    examples = dataset.tokenize_dataset(config, tokenizer).fitting
    in_examples = Counter(token for each in examples for token in set(each.input_ids))
    return next((each.trajectory_id, token) for each in examples for token in each.input_ids if in_examples[token] == 1)


def poison(model: Path, folder: Path, token: int) -> None:
    """The model with a head of its own and one embedding that is not a number."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    made: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    made.config.tie_word_embeddings = False
    made.lm_head.weight = torch.nn.Parameter(made.lm_head.weight.detach().clone())
    with torch.no_grad():
        made.model.embed_tokens.weight[token] = math.nan
    made.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)


def test_a_diverged_run_stops_with_a_remedy(ray_cluster: None, make_config: MakeConfig, tmp_path: Path) -> None:
    """Repeated by Ray Train as a worker failure it would diverge again, and say nothing useful."""
    config = make_config(
        {"num_workers": 1, "optimizer": OptimizerConfig(lr=1e30, warmup_steps=0, gradient_clipping=1e30)}
    )
    with pytest.raises(UserError, match=r"(diverged at|gradient of) step [2-4][ :].*\(test/") as caught:
        train(config, tmp_path / "train")
    assert caught.value.field == "train.optimizer.lr"
    assert not (tmp_path / "train" / "model").exists()
    assert all(math.isfinite(row["loss"]) for row in metrics.read(tmp_path / "train"))


def test_a_full_disk_is_told_and_the_older_checkpoint_stays(make_config: MakeConfig, tmp_path: Path) -> None:
    """Full when a checkpoint is written: status 2, the place and what to do, no half checkpoint; with room, the same
    command goes on from the older one.
    """
    assert shutil.which("bwrap"), "bubblewrap is missing: make setup"
    config = make_config({"num_epochs": 1, "checkpoint.keep": 1})
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    # A checkpoint takes 80 MB: there is room for one and a half.
    script = f"""
        head -c 180000000 /dev/zero > {disk}/ballast
        "$@"; echo "status when full: $?"
        rm {disk}/ballast; ls {disk}/run/checkpoint/state/checkpoints; cp {disk}/run/checkpoint/metrics.jsonl {copy}
        "$@"; echo "status with room: $?"; cp -r {disk}/run/checkpoint/starts.jsonl {tmp_path}
        ls {disk}/run/checkpoint/model
    """
    command = [
        *("bwrap", "--dev-bind", "/", "/", "--size", "300000000", "--tmpfs", str(disk), "bash", "-c", script, "bash"),
        *(sys.executable, "jobs/train.py", *driver.words(config, disk / "run")),
    ]
    with driver.started(command, tmp_path / "log") as process:
        process.wait(2 * driver.DEADLINE_S)
    log = (tmp_path / "log").read_text()
    full, room = log.split("status when full: ")
    assert room.startswith("2\nstep-000002\n"), log[-3000:]
    assert "train.checkpoint.storage = " in full
    assert "the checkpoint of step 4 cannot be written there" in full
    assert "No space left on device" in full
    assert "make room" in full
    assert "status with room: 0" in room, log[-3000:]
    assert "model.safetensors" in room
    assert driver.starts_of(tmp_path) == [0, 2]
    assert [json.loads(line)["step"] for line in copy.read_text().splitlines()] == [1, 2, 3, 4]
