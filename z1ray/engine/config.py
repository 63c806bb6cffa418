"""Settings of a vLLM engine, shared by generation, serving and evaluation."""

from dataclasses import dataclass
from typing import Literal

from z1ray.errors import UserError
from z1ray.settings import check, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """One vLLM engine and how many of it run side by side."""

    device: Literal["cpu", "gpu"] = setting("gpu", "`gpu`, or `cpu` for vLLM's CPU build.", role="operational")
    replicas: int = setting(1, "Engines that run side by side.", least=1, role="operational")
    tensor_parallel_size: int = setting(1, "GPUs per engine.", least=1, role="operational")
    strategy: Literal["PACK", "STRICT_PACK", "SPREAD", "STRICT_SPREAD"] = setting(
        "PACK",
        "Where the GPUs of one engine lie (Ray's placement strategies): `PACK` on one node if it has room "
        "(generation and evaluation: as `STRICT_PACK`), `STRICT_PACK` on one node or not at all, `SPREAD` and "
        "`STRICT_SPREAD` on different nodes.",
        role="operational",
    )
    resources: dict[str, float] = setting(
        dict,
        "What else each GPU's place must offer, by the name of Ray's resource: "
        '`{"accelerator_type:H100": 0.001}` keeps engines on H100s.',
        above=0,
        role="operational",
    )
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = setting(
        "auto", "Of weights and activations. AVX2-only CPUs are fastest in float32."
    )
    max_model_len: int | None = setting(
        None, "Context length in tokens, prompt and output together; the model's own if unset.", least=1
    )
    max_num_seqs: int = setting(256, "Sequences decoded together.", least=1, role="operational")
    gpu_memory_utilization: float = setting(
        0.9, "Share of each GPU's memory that vLLM may use.", above=0, most=1, role="operational"
    )
    cpu_kv_cache_gib: int = setting(1, "KV cache on CPU, GiB.", least=1, role="operational")
    cpu_threads: int = setting(2, "OpenMP threads of each tensor-parallel worker on CPU.", least=1, role="operational")
    tool_parser: str | None = setting(
        None,
        "Parser of the model's tool calls, by vLLM's name (`hermes` for Qwen); without one, requests with tools are "
        "refused.",
        role="operational",
    )
    enforce_eager: bool = setting(False, "Skip compilation and CUDA graphs.", role="operational")

    def __post_init__(self) -> None:
        check(self, "engine")
        for name in self.resources.keys() & {"CPU", "GPU"}:
            raise UserError(f"engine.resources.{name}", self.resources[name], "z1ray sets it itself", "leave it out")
