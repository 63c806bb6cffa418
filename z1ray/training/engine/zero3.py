"""DeepSpeed ZeRO stage 3: configuration, engine and the weights of a checkpoint."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from z1ray.training.config import TrainConfig
from z1ray.training.engine import attention
from z1ray.upstream.deepspeed import compile_no_kernels

if TYPE_CHECKING:
    import torch
    from deepspeed import DeepSpeedEngine

PROCESS_GROUP_TIMEOUT_S = 1800
"""Timeout of collective operations in seconds (DeepSpeed's default differs between versions)."""

BUCKET_ELEMENTS = 50_000_000
"""Elements of a gradient reduction bucket. DeepSpeed's default of 500 million takes 2 GB per worker."""

# Else glibc gives freed tensors back to the system, which clears their pages when they are asked for
# again: millions of faults a step. One arena, since those of threads are given back regardless.
KEEP_FREED = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
"""Environment variables that make glibc keep freed memory, for workers on CPU."""


def engine_config(config: TrainConfig) -> dict[str, Any]:
    """DeepSpeed's configuration, without the optimizer, which is passed to it as an object."""
    zero: dict[str, Any] = {
        "stage": 3,
        "overlap_comm": config.device == "gpu",
        "contiguous_gradients": True,
        "reduce_bucket_size": BUCKET_ELEMENTS,
    }
    if config.memory.offload:
        in_cpu_memory = {"device": "cpu", "pin_memory": True}
        zero |= {"offload_param": in_cpu_memory, "offload_optimizer": in_cpu_memory}
    return {
        # Rows, not examples; how many a step has differs, so the loop tells DeepSpeed when one ends.
        "train_batch_size": config.num_workers,
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": config.optimizer.gradient_clipping,
        "bf16": {"enabled": config.precision == "bf16", "check_grad_overflow": True},
        # Micro-batches are many and their gradients small: add them up in float32.
        "data_types": {"grad_accum_dtype": "fp32"},
        "communication_data_type": "fp32",
        "zero_optimization": zero,
    }


def worker_env(config: TrainConfig) -> dict[str, str]:
    """Environment variables that must be set before a worker imports torch or DeepSpeed."""
    env = {
        # More threads than CPUs per worker make two workers on two cores fight for both.
        "OMP_NUM_THREADS": str(config.cpus_per_worker),
        "DEEPSPEED_TIMEOUT": str(PROCESS_GROUP_TIMEOUT_S // 60),
        "PYTHONWARNINGS": "ignore::FutureWarning:torch.distributed.c10d_logger",
    }
    if config.device == "gpu":
        return env
    return env | KEEP_FREED | {"DS_ACCELERATOR": "cpu"}


def start(config: TrainConfig) -> "DeepSpeedEngine":
    """Load the model, partitioned over the workers, and wrap it in a DeepSpeed engine.

    A collective operation: ``torch.distributed`` has to be initialized, and every worker has to call it.
    """
    import deepspeed

    from z1ray.training.engine.loss import train_on_packed_rows

    if config.device == "cpu":
        compile_no_kernels()  # gloo carries every collective of training
    deepspeed.init_distributed(timeout=timedelta(seconds=PROCESS_GROUP_TIMEOUT_S))
    settings = engine_config(config)
    model = _load_partitioned(config, settings)
    train_on_packed_rows(model)
    if config.memory.gradient_checkpointing:
        # Re-entrant: the other kind compares shapes with those of the forward pass,
        # which ZeRO-3 has partitioned away by then.
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": True})
    model.train()
    engine, *_ = deepspeed.initialize(
        model=model, optimizer=make_optimizer(model.parameters(), config), config=settings
    )
    return engine


def _load_partitioned(config: TrainConfig, settings: dict[str, Any]) -> Any:
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.integrations.deepspeed import HfDeepSpeedConfig

    # While this object lives, from_pretrained hands every worker only its shard
    # of each weight, so that no worker ever holds the whole model.
    partitioning = HfDeepSpeedConfig(settings)  # type: ignore[no-untyped-call]
    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(config.model, dtype=dtype, attn_implementation=attention.install())
    del partitioning
    return model


def make_optimizer(parameters: "Iterable[torch.nn.Parameter]", config: TrainConfig) -> "torch.optim.Optimizer":
    """AdamW, where its states lie; either kind loads what the other saved. The loop sets the rate before each step."""
    import torch

    made: torch.optim.Optimizer
    rate, decay = config.optimizer.lr, config.optimizer.weight_decay
    if config.memory.offload:
        from deepspeed.ops.adam import DeepSpeedCPUAdam

        made = DeepSpeedCPUAdam(parameters, lr=rate, weight_decay=decay, adamw_mode=True)
    else:
        made = torch.optim.AdamW(parameters, lr=rate, weight_decay=decay, fused=config.device == "gpu")
    made.register_load_state_dict_pre_hook(_with_own_options)
    return made


def _with_own_options(optimizer: "torch.optim.Optimizer", saved: dict[str, Any]) -> dict[str, Any]:
    """A saved state as this optimizer reads it: its own options, and steps as numbers.

    torch would take over the other's options, of which DeepSpeed's Adam misses ``bias_correction`` and torch's
    ``fused``; DeepSpeed's counts steps in integers, and torch makes of them the tensors that it wants.
    """
    groups = [
        there | {name: value for name, value in group.items() if name != "params"}
        for there, group in zip(saved["param_groups"], optimizer.param_groups, strict=True)
    ]
    states = {key: state | {"step": int(state["step"])} for key, state in saved["state"].items()}
    return saved | {"param_groups": groups, "state": states}


def full_weights(checkpoint: Path, tag: str, dtype: str) -> dict[str, "torch.Tensor"]:
    """Consolidate the float32 shards of all workers in a checkpoint into full weights; no engine is needed.

    Args:
        checkpoint: Folder of the checkpoint, with the files of all workers.
        tag: The tag given to ``save_checkpoint``.
        dtype: ``bfloat16`` or ``float32``.

    Returns:
        The weights by name; tied weights are the same tensor.
    """
    from deepspeed.utils.zero_to_fp32 import get_fp32_state_dict_from_zero_checkpoint, to_torch_tensor

    # Lazily: each weight is consolidated and converted on its own, and optimizer states are never read.
    shards = get_fp32_state_dict_from_zero_checkpoint(str(checkpoint), tag, lazy_mode=True)
    weights: dict[str, torch.Tensor] = to_torch_tensor(shards, dtype=dtype)
    return weights
