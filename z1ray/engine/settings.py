"""From an ``EngineConfig`` to what vLLM and Ray take. Imports neither."""

from typing import Any

from z1ray.engine.config import EngineConfig

WINDOW_PROCESSOR = "z1ray.engine.processor:WindowProcessor"


def engine_kwargs(config: EngineConfig) -> dict[str, Any]:
    """Arguments of vLLM's engine, with the window's processor loaded."""
    kwargs: dict[str, Any] = {
        "dtype": config.dtype,
        "max_num_seqs": config.max_num_seqs,
        "tensor_parallel_size": config.tensor_parallel_size,
        "enforce_eager": config.enforce_eager,
        "logits_processors": [WINDOW_PROCESSOR],
    }
    if config.max_model_len is not None:
        kwargs["max_model_len"] = config.max_model_len
    if config.device == "gpu":
        kwargs["gpu_memory_utilization"] = config.gpu_memory_utilization
    else:
        # vLLM 0.29 rewinds the generator of a seeded request whose prompt it split, which
        # torch's CPU generator cannot do: the engine dies. So prompts are not split here.
        kwargs["enable_chunked_prefill"] = False
    return kwargs


def engine_env(config: EngineConfig) -> dict[str, str]:
    """Environment variables that vLLM reads in the engine's process."""
    if config.device == "gpu":
        return {}
    return {
        "VLLM_CPU_KVCACHE_SPACE": str(config.cpu_kv_cache_gib),
        "VLLM_CPU_OMP_THREADS_BIND": f"0-{config.cpu_threads - 1}",
        "OMP_NUM_THREADS": str(config.cpu_threads),
    }


def placement(config: EngineConfig) -> dict[str, Any]:
    """Ray's placement group for one engine: a bundle per tensor-parallel worker."""
    bundle = {"CPU": 1} if config.device == "cpu" else {"CPU": 1, "GPU": 1}
    return {"bundles": [dict(bundle) for _ in range(config.tensor_parallel_size)], "strategy": "PACK"}
