"""DeepSpeed's configuration, as DeepSpeed itself understands it."""

import shutil
from collections.abc import Mapping
from typing import Any

import pytest
import torch

from z1ray.settings import changed
from z1ray.training.config import TrainConfig
from z1ray.training.engine import zero3


def config(values: Mapping[str, Any] | None = None) -> TrainConfig:
    return changed(TrainConfig(dataset="d", model="m", num_workers=1), values or {})


@pytest.mark.parametrize("offload", [False, True])
def test_deepspeed_reads_back_what_we_mean(offload: bool) -> None:
    """DeepSpeed ignores keys it does not know: a mistyped one would leave a default in force."""
    from deepspeed.runtime.config import DeepSpeedConfig

    read = DeepSpeedConfig(zero3.engine_config(config({"optimizer.gradient_clipping": 0.7, "memory.offload": offload})))
    assert (read.train_batch_size, read.train_micro_batch_size_per_gpu, read.gradient_accumulation_steps) == (1, 1, 1)
    assert read.gradient_clipping == 0.7
    assert read.bfloat16_config.enabled
    assert read.bfloat16_config.check_grad_overflow
    assert read.grad_accum_dtype == "fp32"
    assert read.communication_data_type == torch.float32
    assert read.zero_config.stage == 3
    assert read.zero_config.reduce_bucket_size == 50_000_000
    assert (read.zero_config.offload_optimizer is not None) == offload
    assert (read.zero_config.offload_param is not None) == offload


@pytest.mark.slow  # DeepSpeed compiles its optimizer first
@pytest.mark.skipif(shutil.which("c++") is None, reason="DeepSpeed's optimizer on CPU needs a C++ compiler")
@pytest.mark.parametrize("offload", [False, True])
def test_a_run_goes_on_with_its_optimizer_elsewhere(offload: bool) -> None:
    """Offloading is what a run out of GPU memory is advised to turn on: from its checkpoint, as if it always had been.

    Both kinds of optimizer load the other's moments and steps; five steps are the same as with one kind throughout.
    """
    # On CPU offloading is refused as needless, but its optimizer runs there.
    kinds = {kind: config({"device": "gpu" if kind else "cpu", "memory.offload": kind}) for kind in (False, True)}
    weights = [torch.nn.Parameter(torch.linspace(-1, 1, 64)) for _ in range(2)]
    straight = zero3.make_optimizer([weights[0]], kinds[offload])
    changing = zero3.make_optimizer([weights[1]], kinds[offload])
    for step in range(5):
        if step == 2:
            state = changing.state_dict()
            changing = zero3.make_optimizer([weights[1]], kinds[not offload])
            changing.load_state_dict(state)
        for weight, optimizer in zip(weights, (straight, changing), strict=True):
            weight.grad = torch.sin(weight.detach() + step)
            optimizer.step()
    torch.testing.assert_close(weights[1], weights[0], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(weights[0], torch.linspace(-1, 1, 64))


def test_float32_does_not_turn_bf16_on() -> None:
    """On an AVX2 machine bf16 is five times slower, and equalities at 1e-5 would be lost."""
    settings = zero3.engine_config(config({"device": "cpu", "precision": "float32"}))
    assert settings["bf16"]["enabled"] is False
    assert settings["zero_optimization"]["overlap_comm"] is False


def test_workers_environment() -> None:
    """On CPU DeepSpeed must not look for a GPU, workers must not fight for cores, and they keep freed memory."""
    assert zero3.worker_env(config({"device": "cpu", "cpus_per_worker": 3}))["OMP_NUM_THREADS"] == "3"
    assert zero3.worker_env(config({"device": "cpu"}))["DS_ACCELERATOR"] == "cpu"
    assert zero3.worker_env(config({"device": "cpu"}))["MALLOC_ARENA_MAX"] == "1"
    assert "DS_ACCELERATOR" not in zero3.worker_env(config({"device": "gpu"}))
