"""Training on one GPU against the paper's way of it: the part of `make bench-train` that needs a card.

A Qwen2 of 1.5 billion random parameters (``Qwen2.5-1.5B``'s sizes), bfloat16, gradient checkpointing
as in the paper's recipe, examples of random tokens whose lengths are spread
log-normally (median 1,500, at most 8,192; a quarter is prompt). z1ray packs into rows of 8,192 tokens; the
baseline takes the paper's micro-batch of 2. Global batch 64, one worker, ZeRO-3.

- ``gpu_speedup``: trained tokens per second, z1ray's over the baseline's.
- ``mfu``: of z1ray, against the card's dense bfloat16 peak (``z1ray/training/plan/flops.py``).
- ``tokens_per_second``: trained tokens per second of z1ray.
- ``gpu_peak_gib``, ``gpu_peak_memory_error``: most tensor bytes, and how far the plan is off.
"""

import random
import sys
from pathlib import Path
from typing import Any

from tests.bench.packed import packed_worker
from tests.bench.trainer import trainer_worker
from tests.bench.workers import run_workers
from z1ray.training.config import BatchConfig, OptimizerConfig, TrainConfig
from z1ray.training.data import dataset
from z1ray.training.data.tokenize import TokenizedExample
from z1ray.training.plan.hardware import GIB
from z1ray.training.plan.plan import plan_run
from z1ray.training.plan.shape import read_shape

ROUNDS = 2
NUM_STEPS = 3
GLOBAL_BATCH = 64
MAX_LENGTH = 8192


def compare_on_gpu(folder: Path, tokenizer: Path) -> dict[str, float]:
    """Both sides in turn on one GPU.

    Args:
        folder: For model, tokens and Ray Train's files.
        tokenizer: A model folder whose tokenizer the random model borrows.
    """
    model, tokens = folder / "qwen2", folder / "gpu.arrow"
    _write_model(model, tokenizer)
    dataset.write_tokens(_examples(), tokens)
    found: dict[str, list[dict[str, Any]]] = {"baseline": [], "z1ray": []}
    for number in range(ROUNDS):
        job = {"tokens": str(tokens), "num_steps": NUM_STEPS, "folder": str(folder / "trainer")}
        theirs = job | {"config": _config(model, 2, number)}
        found["baseline"] += run_workers(trainer_worker, theirs, folder / "ray")["rows"]
        ours = job | {"config": _config(model, 1, number)}
        found["z1ray"] += run_workers(packed_worker, ours, folder / "ray")["rows"]
        print(f"round {number + 1}, GPU: {found}", file=sys.stderr, flush=True)
    speeds = {side: _mean(rows, "num_tokens") for side, rows in found.items()}
    peak = max(row["peak_memory_bytes"] for row in found["z1ray"])
    plan = plan_run(_config(model, 1, 0), read_shape(str(model)))
    mfus = [row["mfu"] * row["seconds"] for row in found["z1ray"] if "mfu" in row]
    return {
        "gpu_speedup": round(speeds["z1ray"] / speeds["baseline"], 3),
        "tokens_per_second": round(speeds["z1ray"], 1),
        "gpu_peak_gib": round(peak / GIB, 2),
        "gpu_peak_memory_error": round(abs(plan.peak - peak) / peak, 3),
        **({"mfu": round(sum(mfus) / sum(row["seconds"] for row in found["z1ray"]), 4)} if mfus else {}),
    }


def _mean(rows: list[dict[str, Any]], name: str) -> float:
    return float(sum(row[name] for row in rows) / sum(row["seconds"] for row in rows))


def _config(model: Path, micro_batch_size: int, seed: int) -> TrainConfig:
    return TrainConfig(
        dataset="",
        model=str(model),
        num_workers=1,
        precision="bf16",
        num_epochs=1,
        seed=seed,
        batch=BatchConfig(global_batch_size=GLOBAL_BATCH, micro_batch_size=micro_batch_size, max_length=MAX_LENGTH),
        optimizer=OptimizerConfig(warmup_steps=1),
    )


def _examples() -> list[TokenizedExample]:
    draw = random.Random(0)
    lengths = [min(MAX_LENGTH, max(64, round(draw.lognormvariate(7.3, 0.8)))) for _ in range(8 * GLOBAL_BATCH)]
    return [
        TokenizedExample(str(number), draw.choices(range(1000, 40_000), k=length), length // 4)
        for number, length in enumerate(lengths)
    ]


def _write_model(folder: Path, tokenizer: Path) -> None:
    import torch
    from transformers import AutoTokenizer, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=151_936,
        hidden_size=1536,
        intermediate_size=8960,
        num_hidden_layers=28,
        num_attention_heads=12,
        num_key_value_heads=2,
        max_position_embeddings=32_768,
        tie_word_embeddings=True,
    )
    model: Any = Qwen2ForCausalLM(config)
    model.to(torch.bfloat16).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tokenizer).save_pretrained(folder)
