"""From an ``EngineConfig`` to what vLLM and Ray take. Imports neither."""

import math
from typing import Any

from z1ray.engine.config import EngineConfig
from z1ray.upstream.vllm import IN_PROCESS_EXECUTOR

WINDOW_PROCESSOR = "z1ray.engine.processor:WindowProcessor"


def engine_kwargs(config: EngineConfig, *, windows: bool) -> dict[str, Any]:
    """Arguments of vLLM's engine.

    Args:
        config: The engine's settings.
        windows: Load the processor that enforces thinking budgets. An engine without it ignores the window
            of a request, so only engines that get no window may do without; on a GPU the processor costs
            a synchronisation per step, and vLLM does not take it beside speculative decoding.
    """
    kwargs: dict[str, Any] = {
        "dtype": config.dtype,
        "max_num_seqs": config.max_num_seqs,
        "tensor_parallel_size": config.tensor_parallel_size,
        "enforce_eager": config.enforce_eager,
    }
    if windows:
        kwargs["logits_processors"] = [WINDOW_PROCESSOR]
    if config.max_model_len is not None:
        kwargs["max_model_len"] = config.max_model_len
    if config.device == "gpu":
        kwargs["gpu_memory_utilization"] = config.gpu_memory_utilization
    else:
        # vLLM 0.29 rewinds the generator of a seeded request whose prompt it split, which
        # torch's CPU generator cannot do: the engine dies. So prompts are not split here.
        kwargs["enable_chunked_prefill"] = False
    return kwargs


def batch_kwargs(config: EngineConfig) -> dict[str, Any]:
    """Arguments of an engine that answers a table, with the way it is split; it enforces no thinking budgets.

    Within a node vLLM starts its own processes, across nodes it goes through Ray. Only an engine
    across nodes needs a placement group. All others are actors with so many GPUs, which Ray Data
    places anew, or does without, when their node is gone.
    """
    kwargs = engine_kwargs(config, windows=False)
    if config.tensor_parallel_size > 1:
        across_nodes = config.device == "gpu" and config.strategy in ("SPREAD", "STRICT_SPREAD")
        return kwargs if across_nodes else kwargs | {"distributed_executor_backend": "mp"}
    # On CPU vLLM makes "uni" a process of its own, whose start costs as much as all the rest.
    return kwargs | ({"distributed_executor_backend": IN_PROCESS_EXECUTOR} if config.device == "cpu" else {})


def engine_env(config: EngineConfig) -> dict[str, str]:
    """Environment variables that vLLM reads in the engine's process."""
    if config.device == "gpu":
        return {}
    firsts = range(0, config.tensor_parallel_size * config.cpu_threads, config.cpu_threads)
    return {
        "VLLM_CPU_KVCACHE_SPACE": str(config.cpu_kv_cache_gib),
        # Cores of each tensor-parallel worker.
        "VLLM_CPU_OMP_THREADS_BIND": "|".join(f"{first}-{first + config.cpu_threads - 1}" for first in firsts),
        "OMP_NUM_THREADS": str(config.cpu_threads),
        # By default threads that wait for others keep their cores busy. Beside anything else, such as another engine,
        # a step of a small model then takes eight times as long; alone it is as fast either way.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def placement(config: EngineConfig) -> dict[str, Any]:
    """Ray's placement group for one engine: a bundle per tensor-parallel worker."""
    bundle = {"CPU": 1.0, **({"GPU": 1.0} if config.device == "gpu" else {}), **config.resources}
    return {"bundles": [dict(bundle) for _ in range(config.tensor_parallel_size)], "strategy": config.strategy}


def needs(config: EngineConfig) -> dict[str, float]:
    """Logical resources that all replicas take together."""
    total: dict[str, float] = {}
    for bundle in placement(config)["bundles"]:
        for name, amount in bundle.items():
            total[name] = total.get(name, 0.0) + amount * config.replicas
    return total


def batches_in_flight(config: EngineConfig, batch_size: int) -> int:
    """Batches an engine holds at a time: enough to keep it full, and few that would wait at it while another idles.

    A batch returns when its last row has ended. The longest of n heavy-tailed lengths is about
    1 + log2(n) / 2 times their mean, so in so many times the rows one engine decodes at a time
    a full engine's worth is still running, and a quarter of one waits (``make bench-scale``).
    """
    rows = config.max_num_seqs * (1.25 + math.log2(batch_size) / 2)
    return max(2, math.ceil(rows / batch_size))
