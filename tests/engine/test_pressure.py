"""The window in a real engine that is short of memory: preempted, re-read in parts, aborted, and still exact."""

import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from z1ray.engine.args import extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.engine.tokens import newline_token_ids
from z1ray.window import NO_CAP, Window

pytestmark = pytest.mark.vllm

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=512, max_num_seqs=8, enforce_eager=True)
# Blocks of 32 tokens: 20 of them hold two or three of the eight runs that want to run together.
PRESSURE = {"block_size": 32, "num_gpu_blocks_override": 20, "enable_prefix_caching": False}
# Prompts are longer than what a step may read, so every one of them is split.
CHUNKED = {"enable_chunked_prefill": True, "max_num_batched_tokens": 32}
HINT = (7, 8, 9)
LETTERS = (20, 21, 22, 23, 24, 25)


@pytest.fixture(scope="module")
def llm(tiny_model) -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        # The second lets a test ask the engine's process for the processor it really runs.
        for name, value in {**engine_env(ENGINE), "VLLM_ALLOW_INSECURE_SERIALIZATION": "1"}.items():
            patch.setenv(name, value)
        from vllm import LLM

        engine = LLM(
            str(tiny_model), disable_log_stats=False, **{**engine_kwargs(ENGINE, windows=True), **PRESSURE, **CHUNKED}
        )
        yield engine
        engine.llm_engine.engine_core.shutdown()


@pytest.fixture(scope="module")
def newline(tiny_model) -> int:
    return min(newline_token_ids(str(tiny_model)))


def num_rows(worker: Any) -> int:
    """Rows that the live processor keeps; runs in the engine's process."""
    from z1ray.engine.processor import WindowProcessor

    found = [p for p in worker.model_runner.input_batch.logitsprocs.all if isinstance(p, WindowProcessor)]
    assert len(found) == 1, "the engine runs the processor once"
    return len(found[0]._rows) + len(found[0]._near)


def assert_nothing_left(llm: Any) -> None:
    """The engine tells its processor of the last end in a step of its own, shortly after."""
    until = time.monotonic() + 300
    while llm.collective_rpc(num_rows) != [0]:
        assert time.monotonic() < until, "finished requests are still in the processor"
        time.sleep(0.05)


def num_preemptions(llm: Any) -> int:
    return sum(metric.value for metric in llm.get_metrics() if metric.name == "vllm:num_preemptions")


def sampling(window: Window, newline: int) -> Any:
    """Sampled over letters and a newline, so that lines end now and then and no run ends by itself."""
    from vllm import SamplingParams

    tokens = [*LETTERS, newline]
    return SamplingParams(
        temperature=1, max_tokens=window.max_tokens, allowed_token_ids=tokens, extra_args=extra_args(window) or None
    )


def prompts(num: int) -> list[dict[str, list[int]]]:
    rng = random.Random(0)
    return [{"prompt_token_ids": [rng.randrange(100, 1000) for _ in range(40 + 7 * (i % 8))]} for i in range(num)]


def test_cuts_stay_exact_when_runs_are_preempted_and_prompts_are_split(llm, newline):
    """A preempted run is read again, in parts, with its own tokens: the cut must not move, nor the hint be broken."""
    budgets = [(0, 0), (1, 0), (33, 0), (33, 16), (90, 0), (90, 45), (120, 5), (NO_CAP, 0)]
    windows = [
        Window(budget, HINT, 140, grace) if budget != NO_CAP else Window(NO_CAP, HINT, 140)
        for budget, grace in 2 * budgets
    ]
    before = num_preemptions(llm)
    outputs = llm.generate(prompts(len(windows)), [sampling(w, newline) for w in windows], use_tqdm=False)
    assert num_preemptions(llm) > before, "the cache is meant to be too small"
    for window, output in zip(windows, outputs, strict=True):
        tokens = list(output.outputs[0].token_ids)
        assert len(tokens) == 140
        if window.budget == NO_CAP:
            assert not set(tokens) & set(HINT)
            continue
        latest = window.budget + window.grace_tokens
        ends = [at for at in range(window.budget, latest) if window.grace_tokens and tokens[at - 1] == newline]
        cut = min([*ends, latest])
        assert tokens[cut : cut + 3] == list(HINT)
        assert not set(tokens[:cut] + tokens[cut + 3 :]) & set(HINT)
    assert_nothing_left(llm)


def test_aborted_runs_leave_nothing_in_the_processor(llm, newline):
    """A client that goes away before or after its hint must not leave its window to the next one in its row."""
    engine = llm.llm_engine
    names = [f"gone-{number}" for number in range(8)]
    for name, prompt in zip(names, prompts(8), strict=True):
        window = Window(3 if name < "gone-4" else 400, HINT, 430)
        engine.add_request(name, prompt, sampling(window, newline))
    for _ in range(20):
        engine.step()
    assert llm.collective_rpc(num_rows) != [0]
    engine.abort_request(names)
    assert_nothing_left(llm)
    free = llm.generate(prompts(8), sampling(Window(NO_CAP, HINT, 30), newline), use_tqdm=False)
    assert not any(set(output.outputs[0].token_ids) & set(HINT) for output in free)


def test_runs_that_end_before_their_budget_leave_nothing(llm, newline):
    """A run that never met its hint is forgotten too."""
    window = Window(300, HINT, 310)
    params = sampling(window, newline)
    params.stop_token_ids = [newline]
    outputs = llm.generate(prompts(16), params, use_tqdm=False)
    assert all(len(output.outputs[0].token_ids) < 300 for output in outputs)
    assert_nothing_left(llm)
