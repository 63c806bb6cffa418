"""The memory plan is what a run takes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.bench.probes import STUDENT, memory_error, probe
from tests.training.conftest import MakeConfig
from z1ray.settings import changed
from z1ray.training.config import TrainConfig
from z1ray.training.plan.activations import Activations
from z1ray.training.plan.memory import Plan, make_plan
from z1ray.training.plan.plan import plan_run
from z1ray.training.plan.shape import read_shape

NONE = Activations(held=0, peak=0)


def planned(values: Mapping[str, Any] | None = None) -> Plan:
    config = changed(TrainConfig(dataset="d", model="m"), values or {})
    return make_plan(STUDENT, NONE, config, bucket_elements=50_000_000, chunk_tokens=256)


def test_eighteen_bytes_per_parameter_are_shared() -> None:
    """ZeRO-3: 2 of bf16, 4 of gradients, 12 of master weights and moments, each worker its share."""
    for workers in (8, 64):
        plan = planned({"num_workers": workers})
        share = STUDENT.num_params / workers
        assert plan.parameters == pytest.approx(2 * share + 2 * STUDENT.num_persistent, rel=1e-6)
        assert [plan.gradients, plan.optimizer] == pytest.approx([4 * share, 12 * share])


def test_offload_moves_the_shares_to_the_node() -> None:
    """On the GPU stays what a pass needs; the node takes all shares, gradients twice."""
    on_gpu, offloaded = planned(), planned({"memory.offload": True})
    assert offloaded.gradients == offloaded.optimizer == on_gpu.host == 0
    assert offloaded.host == pytest.approx(22 * STUDENT.num_params / 8)
    assert offloaded.peak < on_gpu.peak - 15 * STUDENT.num_params / 8


def test_the_peak_is_the_largest_moment_with_all_that_stays() -> None:
    """Activations count at the loss and in the backward pass, not at the optimizer's step."""
    config = TrainConfig(dataset="d", model="m")
    large = make_plan(STUDENT, Activations(1 << 36, 1 << 37), config, bucket_elements=50_000_000, chunk_tokens=256)
    assert large.peak_moment == "backward"
    assert large.peak - planned().moments["backward"] == 1 << 37
    assert large.moments["optimizer step"] == planned().moments["optimizer step"]
    assert large.needed > large.peak


@pytest.fixture(scope="module")
def eight_layers(small_student: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2's shape with eight random layers: tensors dominate, and a step takes two seconds."""
    from transformers import AutoConfig, AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("models") / "eight"
    config = AutoConfig.from_pretrained(small_student)
    config.num_hidden_layers = 8
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.mark.ray
@pytest.mark.usefixtures("ray_cluster")
def test_a_real_run_takes_what_was_planned(make_config: MakeConfig, eight_layers: Path, tmp_path: Path) -> None:
    """Within 15 % of the most that malloc had handed out at any time of real ZeRO-3 steps on two workers.

    With gradient checkpointing ``make bench-train`` measures it.
    """
    sizes = {"batch.micro_batch_size": 2, "batch.max_length": 256}
    config = make_config({"model": str(eight_layers), "memory.gradient_checkpointing": False} | sizes)
    shape = read_shape(config.model)
    found, plan = probe(config, shape.vocabulary, tmp_path), plan_run(config, shape)
    assert memory_error(plan, found) < 0.15, (plan, found)
