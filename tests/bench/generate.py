"""What the whole generation job gives of the bare engine's speed: `make bench-generate`.

SmolLM2-135M, float32, 16 sequences at a time, LeetCode problems in two modes: the
stage itself (``generate``: table, Ray Data, its own vLLM engine, rows on disk)
against ``vllm.LLM.generate`` on the same tokenized prompts, sampling and seeds, in
the same order. Sides alternate within one run because machines drift; only one has
an engine at a time. Medians of the rounds.

- ``throughput_ratio``: tokens per second of the job over the bare engine's. The job's
  clock starts when its engine takes the first batch (Ray's own record of that task)
  and stops when the last file of rows is written. The bare engine's runs around the
  one call that gets all requests. Both engines are fresh, so both have a cold start
  in it, and both tails are in.
- ``startup_seconds``: from the call of ``generate`` to the first batch in the engine.
- ``bare_startup_seconds``: making the bare engine.
- ``finish_seconds``: from the last file to the end of ``generate``: checks and manifest.
- ``tokens_ratio``: tokens of the job over the bare engine's: near 1, for sampling on CPU
  depends a little on which sequences share a step.

The last line of output is one JSON object.
"""

import json
import os
import shutil
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import batch_kwargs, engine_env
from z1ray.models import embedded
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, read_rows
from z1ray.trajectories.config import GenerateConfig, ModeConfig, TeacherConfig
from z1ray.trajectories.generate import generate
from z1ray.trajectories.requests import table
from z1ray.trajectories.requests.prepare import Prepare

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=2048, max_num_seqs=16, enforce_eager=True)
ROUNDS = 3
NUM_PROBLEMS = 32
MODES = {
    "short": ModeConfig(system_prompt="Answer with a short Python solution and nothing else.", max_tokens=80),
    "long": ModeConfig(system_prompt="Please reason step by step, then give the Python solution.", max_tokens=160),
}
OUTPUT = Path.cwd() / "runs" / "bench" / "generate"


@dataclass(frozen=True, kw_only=True)
class Side:
    """One run of one side.

    Attributes:
        num_tokens: Generated tokens.
        seconds: Time they took.
        startup_seconds: Time before.
        finish_seconds: Time after.
    """

    num_tokens: int
    seconds: float
    startup_seconds: float
    finish_seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float:
        """Generated tokens per second after start-up."""
        return self.num_tokens / self.seconds


def whole_job(config: GenerateConfig) -> Side:
    """The stage, on a Ray that is up."""
    started = time.time()
    manifest = generate(config, OUTPUT, force=True)
    ended = time.time()
    first = min(event["ts"] for event in engine_tasks() if event["ts"] > 1e6 * started) / 1e6
    last = max(path.stat().st_mtime for path in (OUTPUT / "data").glob("*.parquet"))
    assert manifest["num_quarantined"] == 0
    return Side(
        num_tokens=sum(row["num_tokens"] for row in read_rows(OUTPUT / "data")),
        seconds=last - first,
        startup_seconds=first - started,
        finish_seconds=ended - last,
    )


def engine_tasks() -> list[dict[str, Any]]:
    """Ray's record of each batch in the engine; ``ts`` is its start in microseconds of Unix time."""
    import ray

    return [event for event in ray.timeline() if "vLLMEngineStage" in event["cat"] and event["name"] == "submit"]


def bare_engine(folder: Path, requests: list[Row]) -> Side:
    """The same requests in one call of a fresh engine."""
    from vllm import LLM, SamplingParams

    started = time.perf_counter()
    llm = LLM(str(folder), **batch_kwargs(ENGINE))
    ready = time.perf_counter()
    prompts: list[Any] = [{"prompt_token_ids": row["tokenized_prompt"]} for row in requests]
    outputs = llm.generate(prompts, [SamplingParams(**json.loads(row["sampling"])) for row in requests], use_tqdm=False)
    ended = time.perf_counter()
    llm.llm_engine.engine_core.shutdown()
    num_tokens = sum(len(output.outputs[0].token_ids) for output in outputs)
    return Side(num_tokens=num_tokens, seconds=ended - ready, startup_seconds=ready - started)


def prepared(config: GenerateConfig, folder: Path) -> list[Row]:
    """The requests that the job wrote, as its workers prepare them."""
    assert ENGINE.max_model_len is not None
    prepare = Prepare(str(folder), ENGINE.max_model_len, config.modes, config.seed)
    return [row for part in table.parts(OUTPUT) for row in prepare(read_rows(part))]


def main() -> None:
    """Run both sides in turn, print medians."""
    import ray

    os.environ.update(engine_env(ENGINE), HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR")
    folder = Path("runs") / "models" / embedded.NAME
    embedded.prepare(folder)
    config = GenerateConfig(
        teachers={"smollm2": TeacherConfig(model=str(folder.absolute()), engine=ENGINE)},
        problems=[SourceConfig(kind="leetcode", limit=NUM_PROBLEMS)],
        modes=MODES,
    )
    ray.init(address="local", num_cpus=8, include_dashboard=False, object_store_memory=500_000_000)
    jobs, bare = [], []
    for number in range(ROUNDS):
        jobs.append(whole_job(config))
        bare.append(bare_engine(folder, prepared(config, folder)))
        print(f"round {number + 1}: job {jobs[-1]}, bare engine {bare[-1]}", file=sys.stderr)
    ray.shutdown()
    shutil.rmtree(OUTPUT)
    print(json.dumps(_figures(jobs, bare, config)))


def _figures(jobs: list[Side], bare: list[Side], config: GenerateConfig) -> dict[str, float]:
    pairs = list(zip(jobs, bare, strict=True))
    figures: dict[str, list[float]] = {
        "throughput_ratio": [job.tokens_per_second / engine.tokens_per_second for job, engine in pairs],
        "tokens_ratio": [job.num_tokens / engine.num_tokens for job, engine in pairs],
        "startup_seconds": [job.startup_seconds for job in jobs],
        "finish_seconds": [job.finish_seconds for job in jobs],
        "bare_startup_seconds": [engine.startup_seconds for engine in bare],
        "job_tokens_per_second": [job.tokens_per_second for job in jobs],
        "bare_tokens_per_second": [engine.tokens_per_second for engine in bare],
        "num_tokens": [job.num_tokens for job in jobs],
    }
    medians = {name: round(statistics.median(values), 3) for name, values in figures.items()}
    return medians | {"num_requests": NUM_PROBLEMS * len(MODES), "batch_size": config.batch_size, "rounds": ROUNDS}


if __name__ == "__main__":
    main()
