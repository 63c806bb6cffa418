"""Whether a run fits is told before it is launched, with what to change."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.conftest import MakeConfig
from z1ray.config import load
from z1ray.errors import UserError
from z1ray.settings import changed
from z1ray.training.config import TrainConfig
from z1ray.training.plan.plan import check_cluster, tell_plan

CONF = Path(__file__).parents[3] / "conf"


@pytest.fixture
def paper(student: Path) -> TrainConfig:
    """The paper's training, with its student's config.json and nothing else of it."""
    return changed(load(CONF / "z1-7b.yaml").train, {"model": str(student)})


def test_the_papers_run_fits_its_gpus(paper: TrainConfig, capsys: pytest.CaptureFixture[str]) -> None:
    """8 A100s of 80 GB trained it: a plan that says otherwise would turn users away."""
    tell_plan(paper, "A100")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("z1ray | ")
    assert "7.62 B parameters, bf16, 8 workers, gradient checkpointing; per GPU:" in lines[0]
    assert lines[-1].endswith("of 79.00 GiB (A100): it fits")


def test_what_offload_takes_of_the_nodes_memory_is_told(paper: TrainConfig, capsys: pytest.CaptureFixture[str]) -> None:
    """A node whose own memory runs out kills the workers, with no error of CUDA's."""
    plan = tell_plan(changed(paper, {"memory.offload": True}), "A100")
    told = capsys.readouterr().out
    assert "gradient checkpointing, offload; per GPU:" in told
    assert "GiB  of its node's own memory, for this worker" in told
    assert plan.host > 20 * 7.6e9 / 8


def test_what_does_not_fit_is_refused_with_a_remedy_that_does(paper: TrainConfig) -> None:
    """On one GPU 18 bytes for each of 7.6 billion parameters need 128 GiB; taken at its word, the remedy fits."""
    alone = changed(paper, {"num_workers": 1, "memory.offload": False})
    with pytest.raises(UserError, match=r"of the 79\.00 GiB of H100") as caught:
        tell_plan(alone, "H100")
    assert caught.value.remedy.startswith("set train.")
    words = [word.removeprefix("train.").partition("=") for word in caught.value.remedy.split()[1:]]
    values = {"true": True, "false": False}
    changes = {name: values[value] if value in values else int(value) for name, _, value in words}
    tell_plan(changed(alone, changes), "H100")


def test_where_nothing_helps_it_says_so(paper: TrainConfig) -> None:
    """No setting makes room for rows of 128K tokens of a 7B model on a small card."""
    with pytest.raises(UserError) as caught:
        tell_plan(changed(paper, {"batch.max_length": 131_072, "memory.offload": False}), "L4")
    assert caught.value.remedy.startswith("use GPUs with more memory")


def test_an_unknown_gpu_is_named(paper: TrainConfig) -> None:
    """With those that are known, for the user to pick one with as much memory."""
    with pytest.raises(UserError, match="L40S") as caught:
        tell_plan(paper, "GTX-1080")
    assert caught.value.field == "--gpu"


def test_on_cpu_the_machine_is_what_there_is(make_config: MakeConfig, capsys: pytest.CaptureFixture[str]) -> None:
    """Workers share it; the demo's own settings fit the machine the README asks for."""
    tell_plan(make_config(), "A100")
    assert "share of this machine, 2 workers): it fits" in capsys.readouterr().out


def test_training_on_cpu_is_not_held_up(make_config: MakeConfig) -> None:
    """No cluster is asked, no model is built: it is called before every training."""
    check_cluster(make_config({"model": "no/such/model"}))


CHECK = """
import sys
import ray
from omegaconf import OmegaConf
from z1ray.errors import UserError
from z1ray.settings import build
from z1ray.training.config import TrainConfig
from z1ray.training.plan.plan import check_cluster
config = build(TrainConfig, OmegaConf.create(sys.argv[1]))
for resources in ({}, {"accelerator_type:L4": 1, "accelerator_type:H200": 1}):
    ray.init(address="local", num_cpus=1, num_gpus=2, resources=resources, include_dashboard=False,
             object_store_memory=100_000_000)
    try:
        check_cluster(config)
    except UserError as error:
        print("REFUSED", error.problem)
    ray.shutdown()
"""


@pytest.mark.ray
def test_a_cluster_too_small_is_refused_before_any_worker_starts(paper: TrainConfig) -> None:
    """By its smallest GPU; a cluster whose GPUs are not up yet is believed, and that is said."""
    asked = json.dumps(dataclasses.asdict(changed(paper, {"num_workers": 2, "memory.offload": False})))
    done = subprocess.run([sys.executable, "-c", CHECK, asked], capture_output=True, text=True, timeout=600, check=True)
    told = [line for line in done.stdout.splitlines() if line.startswith(("z1ray", "REFUSED"))]
    assert len(told) == 2, done.stdout + done.stderr
    assert told[0].startswith("z1ray | train: memory is not checked")
    assert "of the 22.00 GiB of L4" in told[1]
