"""Step times of the real engine for the simulation, and the simulation against a real run.

SmolLM2-135M in float32 on vLLM's CPU build, as everywhere here. The time of a
decode step with n sequences is a difference of two runs that differ only in their
number of tokens, so prompts and start-up cancel out; a straight line through
several n gives ``step_s`` and ``sequence_s``. Prompts alone give ``prompt_token_s``.
"""

import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.simulation import Cluster, StepTimes, simulate
from tests.bench.workload import Mode, Requests, make_requests
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_kwargs

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=1024, max_num_seqs=16, enforce_eager=True)
SEQUENCES = (1, 2, 4, 8, 16)
ROUNDS = 3
# Contexts of the step times run from PROMPT_TOKENS to PROMPT_TOKENS + MORE, like the check's.
PROMPT_TOKENS = 100
FEW, MORE = 8, 72
# Heavy-tailed lengths in the small: the check's requests.
CHECK_MODES = (Mode(median_tokens=20, max_tokens=96), Mode(median_tokens=90, max_tokens=384))
CHECK_PROBLEMS = 24


def calibrate(folder: Path) -> tuple[StepTimes, dict[str, Any]]:
    """Step times of the model in ``folder``, and figures that say how far to trust them.

    Returns:
        The times; ``step_ms`` by number of sequences, and ``calibration_error``: how far
        the simulated makespan of a small real run is from the measured one.
    """
    from vllm import LLM

    llm = LLM(str(folder), **engine_kwargs(ENGINE, windows=True))
    timed(llm, [PROMPT_TOKENS] * max(SEQUENCES), [FEW] * max(SEQUENCES))  # warm-up
    steps = {num: statistics.median(_step_seconds(llm, num) for _ in range(ROUNDS)) for num in SEQUENCES}
    sequence_s, step_s = np.polyfit(list(steps), list(steps.values()), 1)
    prompt = statistics.median(timed(llm, [PROMPT_TOKENS] * 8, [1] * 8) for _ in range(ROUNDS))
    times = StepTimes(step_s=float(step_s), sequence_s=float(sequence_s), prompt_token_s=prompt / (8 * PROMPT_TOKENS))
    figures = {"step_ms": {num: round(1e3 * seconds, 1) for num, seconds in steps.items()}, **_check(llm, times)}
    llm.llm_engine.engine_core.shutdown()
    return times, figures


def timed(llm: Any, prompt_tokens: list[int], output_tokens: list[int]) -> float:
    """Seconds for requests of exactly these lengths, all asked at once, none of them cached."""
    from vllm import SamplingParams

    rng = np.random.default_rng(len(prompt_tokens))
    prompts = [{"prompt_token_ids": rng.integers(100, 40_000, num).tolist()} for num in prompt_tokens]
    sampling = [SamplingParams(temperature=0, max_tokens=num, ignore_eos=True) for num in output_tokens]
    llm.reset_prefix_cache()
    started = time.perf_counter()
    llm.generate(prompts, sampling, use_tqdm=False)
    return time.perf_counter() - started


def _step_seconds(llm: Any, num_sequences: int) -> float:
    few, more = (timed(llm, [PROMPT_TOKENS] * num_sequences, [num] * num_sequences) for num in (FEW, MORE))
    return (more - few) / (MORE - FEW)


def _check(llm: Any, times: StepTimes) -> dict[str, Any]:
    """The same requests in the engine and in the simulation of one."""
    requests = make_requests(CHECK_PROBLEMS, seed=1, modes=CHECK_MODES)
    measured = statistics.median(
        timed(llm, requests.prompt_tokens.tolist(), requests.output_tokens.tolist()) for _ in range(ROUNDS)
    )
    simulated = simulate(requests, _one_engine(requests), times).makespan_s
    print(f"{len(requests)} requests: {measured:.1f} s measured, {simulated:.1f} s simulated", file=sys.stderr)
    return {
        "calibration_error": round(abs(simulated / measured - 1), 3),
        "check_measured_s": round(measured, 1),
        "check_simulated_s": round(simulated, 1),
    }


def _one_engine(requests: Requests) -> Cluster:
    """The engine asked directly: every request is in it from the start."""
    return Cluster(
        num_replicas=1,
        max_num_seqs=ENGINE.max_num_seqs,
        batch_size=1,
        batches_open=len(requests),
        batches_bound=len(requests),
    )
