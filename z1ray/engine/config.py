"""Settings of a vLLM engine, shared by generation, serving and evaluation."""

from dataclasses import dataclass, field
from typing import Literal

from z1ray.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """One vLLM engine and how many of it run side by side.

    Attributes:
        device: ``gpu``, or ``cpu`` for vLLM's CPU build.
        replicas: Engines that run side by side.
        tensor_parallel_size: GPUs per engine.
        strategy: Where the GPUs of one engine lie (Ray's placement strategies): ``PACK`` on one
            node if it has room (generation and evaluation: as ``STRICT_PACK``), ``STRICT_PACK``
            on one node or not at all, ``SPREAD`` and ``STRICT_SPREAD`` on different nodes.
        resources: What else each GPU's place must offer, by the name of Ray's resource:
            ``{"accelerator_type:H100": 0.001}`` keeps engines on H100s.
        dtype: Weights and activations. AVX2-only CPUs are fastest in float32.
        max_model_len: Context length in tokens, prompt and output together; the model's own if unset.
        max_num_seqs: Sequences decoded together.
        gpu_memory_utilization: Share of each GPU's memory vLLM may use.
        cpu_kv_cache_gib: KV cache on CPU, GiB.
        cpu_threads: OpenMP threads of each tensor-parallel worker on CPU.
        enforce_eager: Skip compilation and CUDA graphs.
    """

    device: Literal["cpu", "gpu"] = "gpu"
    replicas: int = 1
    tensor_parallel_size: int = 1
    strategy: Literal["PACK", "STRICT_PACK", "SPREAD", "STRICT_SPREAD"] = "PACK"
    resources: dict[str, float] = field(default_factory=dict)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    max_model_len: int | None = None
    max_num_seqs: int = 256
    gpu_memory_utilization: float = 0.9
    cpu_kv_cache_gib: int = 1
    cpu_threads: int = 2
    enforce_eager: bool = False

    def __post_init__(self) -> None:
        for name in ("replicas", "tensor_parallel_size", "max_num_seqs", "cpu_kv_cache_gib", "cpu_threads"):
            if getattr(self, name) < 1:
                raise UserError(f"engine.{name}", getattr(self, name), "it is a count", "set it to 1 or more")
        if not 0 < self.gpu_memory_utilization <= 1:
            raise UserError(
                "engine.gpu_memory_utilization", self.gpu_memory_utilization, "it is a share", "set it above 0, up to 1"
            )
        for name, amount in self.resources.items():
            if name in {"CPU", "GPU"} or amount <= 0:
                raise UserError(
                    f"engine.resources.{name}", amount, "it is no amount of a further resource", "leave it out"
                )
