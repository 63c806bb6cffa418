"""Training against the paper's way of it: `make bench-train`.

Both sides fine-tune SmolLM2-135M on the examples that ``make demo`` left, with the
train settings of ``conf/local.yaml`` (float32, two workers over gloo, sequences of at
most 768 tokens), global batch 16, ZeRO-3 with the same DeepSpeed settings, launched by Ray Train.
z1ray packs (``tests/bench/packed.py``) into rows of up to 3,072 tokens; the baseline is transformers'
``Trainer`` with right padding (``tests/bench/trainer.py``, which says what the paper's script does).
As in ``conf/local.yaml``, no activations are computed twice, where that fits into this machine's 24 GiB:
z1ray's rows, and the baseline at a micro-batch of 2. At 8 the baseline takes gradient checkpointing, as
the paper's script does. z1ray's workers keep the memory they have freed (``zero3.KEEP_FREED``); the baseline's
do not: at 8 they ran out of it, and at 2 a step took as long. The examples are repeated to fill the steps; each round
draws other ones, the same for all sides. Sides alternate within one run because machines drift; short
passes and a whole step warm each up first and are left out. Ratios are of sums over the rounds.

- ``speedup_micro_batch_2``, ``_8``: trained tokens per second, z1ray's over the
  baseline's, at the baseline's micro-batch.
- ``speedup_8_both_recompute``: the same at 8 with gradient checkpointing on both sides, which
  leaves packing, the head at trained tokens alone, and kept memory; rows of up to 6,144 tokens.
- ``fill_ratio``: tokens over what z1ray's workers could have done meanwhile;
  ``fill_baseline_*`` is the share of the baseline's places that are no padding.
- ``resident_gib_*``: the most memory that the first worker's process had.
- ``peak_memory_error``: the memory plan's peak against the measured one, the larger of the errors
  at one and at two workers (``tests/bench/probes.py``).
- ``scaling_error``: the scaling model's step time on two workers against the measured one,
  from the times of one worker and the speed of gloo here; ``efficiency_N`` is its answer for the paper's
  7B student on N H100s, 8 to a node, one micro-batch of 2 x 16,384 tokens a step at 45 % of peak,
  ``_rows_4096`` with one of 4,096.
- On a GPU also ``gpu_speedup``, ``mfu``, ``tokens_per_second``: see ``tests/bench/train_gpu.py``.

``ARGS="--dataset FOLDER"`` names another dataset, ``--rounds`` how often it is measured. The last
line of output is one JSON object.
"""

import argparse
import json
import os
import shutil
import sys
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from tests.bench.packed import packed_worker
from tests.bench.probes import STUDENT, memory_error, probe, scaling_error
from tests.bench.trainer import trainer_worker
from tests.bench.workers import Worker, run_workers
from z1ray.config import load
from z1ray.errors import UserError
from z1ray.launch import guarded
from z1ray.models import embedded
from z1ray.settings import changed
from z1ray.training.config import MemoryConfig, TrainConfig
from z1ray.training.data import dataset
from z1ray.training.engine import zero3
from z1ray.training.plan import flops
from z1ray.training.plan.hardware import GIB, find_gpu
from z1ray.training.plan.plan import plan_run
from z1ray.training.plan.scaling import HGX_H100, Load, efficiency
from z1ray.training.plan.shape import read_shape

GLOBAL_BATCH = 16
REPEATS = 16
NUM_STEPS = 3
PROBE_TOKENS = 256
SCALES = (8, 64, 512)
ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "runs" / "bench" / "train"

Rows = list[dict[str, Any]]


def settings(folder: Path, model: Path) -> TrainConfig:
    """The demo's, at the benchmark's global batch.

    Raises:
        UserError: If the demo's dataset is not there.
    """
    if not (folder / "manifest.json").exists():
        raise UserError("--dataset", str(folder), "no finished dataset is there", "run `make demo` first")
    demo = load(ROOT / "conf" / "local.yaml").train
    run = {"batch.global_batch_size": GLOBAL_BATCH, "num_epochs": 1, "max_steps": None}
    return changed(demo, {"dataset": str(folder), "model": str(model)} | run)


def write_tokens(config: TrainConfig) -> Path:
    """The token file of both sides: the dataset, tokenized by z1ray, several times over."""
    from transformers import AutoTokenizer

    examples = dataset.tokenize_dataset(config, AutoTokenizer.from_pretrained(config.model)).fitting
    dataset.write_tokens(REPEATS * list(examples), OUTPUT / dataset.TOKENS)
    return OUTPUT / dataset.TOKENS


@dataclass(frozen=True)
class Side:
    """One way of training, as it is measured.

    Attributes:
        worker: What its workers run.
        micro_batch_size: The baseline's examples at a time; for z1ray, the sequences of
            full length that a row has room for.
        recomputes: Whether it takes gradient checkpointing.
    """

    worker: Worker
    micro_batch_size: int
    recomputes: bool

    def measure(self, config: TrainConfig, tokens: Path) -> dict[str, Any]:
        """Start its workers and take the steps; the first worker's figures."""
        memory = MemoryConfig(gradient_checkpointing=self.recomputes)
        own = changed(config, {"batch.micro_batch_size": self.micro_batch_size, "memory": memory})
        job = {"config": own, "tokens": str(tokens), "num_steps": NUM_STEPS}
        without = () if self.worker is packed_worker else zero3.KEEP_FREED
        return run_workers(self.worker, job | {"folder": str(OUTPUT / "trainer")}, OUTPUT / "ray", without)


SIDES = {
    "z1ray": Side(packed_worker, 4, recomputes=False),
    "baseline_8": Side(trainer_worker, 8, recomputes=True),
    "baseline_2": Side(trainer_worker, 2, recomputes=False),
    "z1ray_recomputing": Side(packed_worker, 8, recomputes=True),
}


def compare(config: TrainConfig, tokens: Path, num_rounds: int) -> dict[str, float]:
    """All sides in turn."""
    rows: dict[str, Rows] = {name: [] for name in SIDES}
    memory = dict.fromkeys(SIDES, 0.0)
    for number, (name, side) in product(range(num_rounds), SIDES.items()):
        found = side.measure(changed(config, {"seed": number}), tokens)
        rows[name] += found["rows"][1:]  # The first one grows the memory that the others use again.
        memory[name] = max(memory[name], found["resident_bytes"] / GIB)
        print(f"round {number + 1}, {name}: {found}", file=sys.stderr, flush=True)
    speeds = {name: tokens_per_second(each) for name, each in rows.items()}
    return {
        "speedup_micro_batch_2": round(speeds["z1ray"] / speeds["baseline_2"], 3),
        "speedup_micro_batch_8": round(speeds["z1ray"] / speeds["baseline_8"], 3),
        "speedup_8_both_recompute": round(speeds["z1ray_recomputing"] / speeds["baseline_8"], 3),
        "fill_ratio": fill_ratio(rows["z1ray"]),
        **{f"tokens_per_second_{name}": round(speed, 2) for name, speed in speeds.items()},
        **{f"resident_gib_{name}": round(most, 2) for name, most in memory.items()},
        **{f"fill_{name}": padding_fill(rows[name]) for name in ("baseline_2", "baseline_8")},
    }


def padding_fill(rows: Rows) -> float:
    """The share of the baseline's places that are no padding."""
    filled, places = (sum(row[name] for row in rows) for name in ("num_input_tokens", "num_places"))
    return float(round(filled / places, 3))


def tokens_per_second(rows: Rows) -> float:
    """Trained tokens per second of all steps together."""
    return float(sum(row["num_tokens"] for row in rows) / sum(row["seconds"] for row in rows))


def fill_ratio(rows: Rows) -> float:
    """Of all steps together: each counts by the tokens the workers could have done."""
    offered = sum(row["num_input_tokens"] / row["fill_ratio"] for row in rows)
    return float(round(sum(row["num_input_tokens"] for row in rows) / offered, 4))


def check_plans(config: TrainConfig) -> dict[str, float]:
    """The plans of memory and scaling against real steps of one and of two workers."""
    shape, found, errors = read_shape(config.model), {}, {}
    for num_workers in (1, 2):
        sizes = {"num_workers": num_workers, "batch.micro_batch_size": 2, "batch.max_length": PROBE_TOKENS}
        asked = changed(config, sizes | {"memory.gradient_checkpointing": True})
        found[num_workers] = probe(asked, shape.vocabulary, OUTPUT / "ray")
        plan = plan_run(asked, shape)
        errors[num_workers] = memory_error(plan, found[num_workers])
        print(f"{num_workers} workers: planned {plan}, measured {found[num_workers]}", file=sys.stderr, flush=True)
    return {
        "peak_memory_error": round(max(errors.values()), 3),
        **{f"peak_memory_error_{number}": round(error, 3) for number, error in errors.items()},
        **scaling_error(found[1], found[2], shape, width=4),
    }


def weak_scaling() -> dict[str, float]:
    """Efficiency of the paper's student on many H100s, by number of GPUs and tokens of a row."""
    gpu = find_gpu("H100")
    assert gpu is not None
    figures: dict[str, float] = {}
    for name, lengths in {"": [16_384] * 2, "_rows_4096": [4096]}.items():
        load = Load(
            num_micro_batches=1,
            compute_seconds=flops.step_flops(STUDENT, lengths, sum(lengths)) / (0.45 * gpu.peak_flops),
            gathered_bytes=2 * STUDENT.num_params,
            reduced_bytes=4 * STUDENT.num_params,
            num_collectives=STUDENT.num_layers,
        )
        figures |= {f"efficiency_{number}{name}": round(efficiency(load, number, HGX_H100), 3) for number in SCALES}
    return figures


def main() -> int:
    """Run all parts and print their figures."""
    command_line = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    command_line.add_argument("--dataset", type=Path, default=ROOT / "runs" / "local" / "dataset", metavar="FOLDER")
    command_line.add_argument("--rounds", type=int, choices=range(1, 10), default=2, metavar="N")
    args = command_line.parse_args()
    return guarded(lambda: measure(args.dataset.absolute(), args.rounds))


def measure(folder: Path, num_rounds: int) -> int:
    """Both sides on a Ray of this process."""
    import ray
    import torch

    os.environ |= {"HF_HUB_OFFLINE": "1", "RAY_TRAIN_V2_ENABLED": "1"}
    model = ROOT / "runs" / "models" / embedded.NAME
    embedded.prepare(model)
    config = settings(folder, model)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    ray.init(address="local", num_cpus=4, include_dashboard=False, object_store_memory=200_000_000)
    figures = compare(config, write_tokens(config), num_rounds) | check_plans(config) | weak_scaling()
    if torch.cuda.is_available():
        from tests.bench.train_gpu import compare_on_gpu

        figures |= compare_on_gpu(OUTPUT, model)
    ray.shutdown()
    shutil.rmtree(OUTPUT)
    print(json.dumps(figures | {"rounds": num_rounds}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
