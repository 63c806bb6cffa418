"""What the plans of memory and scaling are held against: real ZeRO-3 steps on rows of one length."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.peak import watch_peak
from tests.bench.workers import run_workers
from z1ray.training.config import TrainConfig
from z1ray.training.plan.memory import Plan
from z1ray.training.plan.scaling import Links, Load, step_seconds
from z1ray.training.plan.shape import ModelShape

# Qwen2.5-Coder-7B-Instruct, from its config.json.
STUDENT = ModelShape(
    num_params=7_615_616_512,
    num_head=544_997_376,
    num_embedding=544_997_376,
    tied=False,
    num_persistent=333_312,
    num_layers=28,
    hidden=3584,
    attention_width=3584,
    vocabulary=152_064,
)

_MESSAGE = 1 << 26
"""Bytes of the gather that bandwidth is told from."""


def probe_worker(job: dict[str, Any]) -> dict[str, Any]:
    """Take steps of one and of two full rows.

    Args:
        job: ``config``, whose rows are filled with random tokens, all of them trained.

    Returns:
        ``peak_bytes`` above those before the model was loaded, on CPU (on a GPU
        ``torch.cuda.max_memory_allocated``); ``one_row_seconds`` and ``two_rows_seconds``;
        with two workers also ``gather_seconds`` of ``_MESSAGE`` bytes and ``latency_seconds``.
    """
    import deepspeed  # noqa: F401  Its import is no part of the run's memory.
    import torch
    import torch.distributed as dist
    import transformers  # noqa: F401

    from z1ray.training import loop
    from z1ray.training.data import batches
    from z1ray.training.data.tokenize import TokenizedExample
    from z1ray.training.engine import zero3

    config: TrainConfig = job["config"]
    torch.manual_seed(0)
    ids = torch.randint(0, job["vocabulary"], (config.batch.micro_batch_size, config.batch.max_length)).tolist()
    row = batches.micro_batch([TokenizedExample(str(number), each, 1) for number, each in enumerate(ids)])
    num_trained = len(row.targets) * config.num_workers
    with watch_peak() as peak:
        engine = zero3.start(config)

        def step(num_rows: int) -> Callable[[], object]:
            return lambda: loop.optimizer_step(engine, [row] * num_rows, num_rows * num_trained, 0.0)

        for _ in range(2):  # DeepSpeed records its order in these.
            step(1)()
        times = {"one_row_seconds": _seconds(step(1)), "two_rows_seconds": _seconds(step(2))}
    found = times | {"peak_bytes": peak.num_bytes}
    if config.device == "gpu":
        found["peak_bytes"] = torch.cuda.max_memory_allocated()
    if config.num_workers > 1:
        whole = torch.empty(_MESSAGE // 4)
        part = torch.ones(_MESSAGE // 4 // config.num_workers)
        found["gather_seconds"] = min(_seconds(lambda: dist.all_gather_into_tensor(whole, part)) for _ in range(5))
        found["latency_seconds"] = min(_seconds(dist.barrier) for _ in range(20))
    return found


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def probe(config: TrainConfig, vocabulary: int, folder: Path) -> dict[str, Any]:
    """``probe_worker``'s figures of a run of its own."""
    return run_workers(probe_worker, {"config": config, "vocabulary": vocabulary}, folder)


def memory_error(plan: Plan, found: dict[str, Any]) -> float:
    """How far the plan's peak is from the measured one, as a share of it."""
    return float(abs(plan.peak - found["peak_bytes"]) / found["peak_bytes"])


def measured_load(one: dict[str, Any], shape: ModelShape, width: int) -> Load:
    """What a step asks of a worker, told from one worker's steps, on CPU."""
    compute = one["two_rows_seconds"] - one["one_row_seconds"]
    return Load(
        num_micro_batches=1,
        compute_seconds=compute,
        gathered_bytes=width * shape.num_params,
        # Small enough that parameters stay from the forward to the backward pass.
        num_gathers=1,
        reduced_bytes=4 * shape.num_params,
        num_collectives=shape.num_layers,
        update_seconds=one["one_row_seconds"] - compute,
        overlap=False,
    )


def measured_links(two: dict[str, Any]) -> Links:
    """What two workers of this machine reach over gloo."""
    bandwidth = 0.5 * _MESSAGE / two["gather_seconds"]
    latency = two["latency_seconds"]
    return Links(
        gpus_per_node=2,
        intra_bandwidth=bandwidth,
        inter_bandwidth=bandwidth,
        intra_latency=latency,
        inter_latency=latency,
    )


def scaling_error(one: dict[str, Any], two: dict[str, Any], shape: ModelShape, width: int) -> dict[str, float]:
    """The model's step time on two workers against the measured one."""
    load, links = measured_load(one, shape, width), measured_links(two)
    predicted = step_seconds(load, 2, links)
    return {
        "step_seconds_1": round(one["one_row_seconds"], 3),
        "step_seconds_2": round(two["one_row_seconds"], 3),
        "predicted_step_seconds_2": round(predicted, 3),
        "gloo_gb_per_second": round(links.intra_bandwidth / 1e9, 3),
        "scaling_error": round(abs(predicted - two["one_row_seconds"]) / two["one_row_seconds"], 3),
    }
