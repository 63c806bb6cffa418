"""What the window costs, and what it saves against Z1's two passes: `make bench-window`.

On a real engine (SmolLM2-135M, float32, 16 sequences at a time, prefix cache
on), 64 prompts of which a quarter ends early by itself and the rest is cut, at
the smallest budget the targets speak of: eight hint lengths. The hint is short
so that this is few tokens; what counts is the lengths' proportion. Sides
alternate within one run because machines drift; medians of the rounds.

- ``cost_ratio``: tokens per second with a budget on every request over the same
  number of tokens on the same engine without; 1 is free.
- ``two_pass_over_ours_min``: time of Z1's two passes (a whole batch, then a
  second one of prompt + first pass + hint) over the single pass, with room to
  cache everything: a forced hint is decoded where a second pass prefills it.
- ``two_pass_over_ours_loaded``: the same with a KV cache that holds the running
  sequences but not the first pass's prefixes.
- ``two_call_p95_over_ours``: requests arriving at 80 % of what the engine finishes per second
  when it is never idle, two calls each against one: 95th percentiles of latency over both
  rounds (``tests/bench/arrivals.py``). What a second call costs is waiting for a place once
  more, so the engine has few, 4, with room to cache everything; with 16 hardly anyone waits
  at that load. The budget is 16 hint lengths.
- ``processor_step_share``: see ``tests/bench/step.py``.

The last line of output is one JSON object.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from tests.bench.arrivals import OneCall, Side, TwoCalls, at_once, capacity, latencies, poisson
from tests.bench.step import processor_step
from z1ray.engine.args import extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.engine.tokens import chat_token_ids, text_token_ids
from z1ray.evaluation.two_pass import Completion, two_pass
from z1ray.models import embedded
from z1ray.prompts import chat_messages
from z1ray.resolve import resolve
from z1ray.window import Window, WindowConfig

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=1024, max_num_seqs=16, enforce_eager=True)
BLOCK_SIZE = 32
ROUNDS = 3
NUM_ARRIVALS = 64
ARRIVALS_NUM_SEQS = 4
LOAD = 0.8
HINT = "\n\nFinal answer:\n\n"
BUDGET_IN_HINTS = 8
ARRIVALS_BUDGET_IN_HINTS = 16
ANSWER_TOKENS = 14
SHORT = [f"What is {n}+{n}? Answer with one number only." for n in range(16)]
LONG = [f"Explain in detail how to {what}." for what in ("sort a list", "bake bread", "build a house", "learn chess")]
QUESTIONS = [*SHORT, *(f"{question} Part {part}." for part in range(12) for question in LONG)]

Prompts = Sequence[Sequence[int]]
Figures = dict[str, float]


@contextmanager
def engine(folder: Path, **settings: Any) -> Iterator[Any]:
    """A warm engine, ended afterwards."""
    from vllm import LLM

    llm = LLM(str(folder), **{"block_size": BLOCK_SIZE, **engine_kwargs(ENGINE, windows=True), **settings})
    complete(llm, [[1] * 40] * 16, 16)
    yield llm
    llm.llm_engine.engine_core.shutdown()


def complete(llm: Any, prompts: Prompts, max_tokens: int | Sequence[int] | None, **params: Any) -> list[Completion]:
    """Greedy completions of a batch; one limit for all or one for each."""
    from vllm import SamplingParams

    limits = max_tokens if isinstance(max_tokens, Sequence) else [max_tokens] * len(prompts)
    sampling = [SamplingParams(temperature=0, max_tokens=limit, **params) for limit in limits]
    outputs = llm.generate([{"prompt_token_ids": list(prompt)} for prompt in prompts], sampling, use_tqdm=False)
    return [Completion(tuple(o.outputs[0].token_ids), o.outputs[0].finish_reason == "stop") for o in outputs]


def timed(llm: Any, work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds taken with an empty prefix cache at the start, and the result."""
    llm.reset_prefix_cache()
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def passes(llm: Any, prompts: Prompts, window: Window) -> tuple[float, float, list[Completion]]:
    """Seconds of Z1's two passes, of the single pass, and the tokens, which must be the same."""
    two, reference = timed(llm, lambda: two_pass(lambda batch, limit: complete(llm, batch, limit), prompts, window))
    ours, single = timed(llm, lambda: complete(llm, prompts, window.max_tokens, extra_args=extra_args(window)))
    assert single == reference, "the single pass must give the reference's tokens"
    return two, ours, single


def with_room(llm: Any, prompts: Prompts, window: Window) -> Figures:
    """Cost and the batch comparison with room to cache everything."""
    cost, ratio = [], []
    for number in range(ROUNDS):
        two, ours, runs = passes(llm, prompts, window)
        lengths = [len(run.token_ids) for run in runs]
        free, _ = timed(llm, partial(complete, llm, prompts, lengths, ignore_eos=True))
        cost.append(free / ours)
        ratio.append(two / ours)
        say(f"room {number + 1}: two passes {two:.1f} s, ours {ours:.1f} s, no budgets {free:.1f} s")
    cut = sum(length > window.budget for length in lengths)
    return {
        "cost_ratio": statistics.median(cost),
        "two_pass_over_ours_min": statistics.median(ratio),
        "num_cut": cut,
    }


def loaded(llm: Any, prompts: Prompts, window: Window) -> Figures:
    """The batch comparison where the KV cache is too small to keep the first pass's prefixes."""
    ratio = []
    for number in range(ROUNDS):
        two, ours, _ = passes(llm, prompts, window)
        ratio.append(two / ours)
        say(f"loaded {number + 1}: two passes {two:.1f} s, ours {ours:.1f} s")
    return {"two_pass_over_ours_loaded": statistics.median(ratio)}


def open_loop(llm: Any, prompts: Prompts, window: Window) -> float:
    """95th percentile of latency, two calls over one, at ``LOAD`` of the capacity; the sides take turns to be first."""
    ours, theirs = OneCall(window), TwoCalls(window)
    crowd = at_once(poisson(prompts, NUM_ARRIVALS, 1.0, seed=0))
    rate = LOAD * capacity(timed(llm, partial(latencies, llm.llm_engine, crowd, ours))[1])
    taken: dict[Side, list[float]] = {ours: [], theirs: []}
    turns: list[tuple[Side, int]] = [(theirs, 0), (ours, 0), (ours, 1), (theirs, 1)]
    for side, seed in turns:
        arrivals = poisson(prompts, NUM_ARRIVALS, rate, seed)
        taken[side] += timed(llm, partial(latencies, llm.llm_engine, arrivals, side))[1]
        p50, p95 = statistics.median(taken[side]), tail(taken[side])
        say(f"{rate:.2f} requests/s, {type(side).__name__} {seed}: p50 {p50:.2f} s, p95 {p95:.2f} s")
    return tail(taken[theirs]) / tail(taken[ours])


def tail(latencies: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(latencies, n=20)[-1]


def small_cache(prompts: Prompts, window: Window) -> int:
    """Blocks for the sequences that run at a time, and no more."""
    assert window.max_tokens is not None
    longest = max(map(len, prompts)) + window.max_tokens
    return ENGINE.max_num_seqs * -(-longest // BLOCK_SIZE) + 1


def say(line: str) -> None:
    """Progress, beside the result."""
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    """Start the engines in turn, measure, print."""
    os.environ.update(engine_env(ENGINE), HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR")
    folder = Path("runs") / "models" / embedded.NAME
    embedded.prepare(folder)
    prompts = chat_token_ids(str(folder), [chat_messages(question, None) for question in QUESTIONS])
    hint = text_token_ids(str(folder), HINT)
    window, longer = (
        resolve(WindowConfig(answer_tokens=ANSWER_TOKENS), hint, factor * len(hint))
        for factor in (BUDGET_IN_HINTS, ARRIVALS_BUDGET_IN_HINTS)
    )
    with engine(folder) as llm:
        figures = with_room(llm, prompts, window)
    with engine(folder, max_num_seqs=ARRIVALS_NUM_SEQS) as llm:
        figures["two_call_p95_over_ours"] = open_loop(llm, prompts, longer)
    with engine(folder, num_gpu_blocks_override=small_cache(prompts, window)) as llm:
        figures |= loaded(llm, prompts, window)
    figures = {name: round(figure, 3) for name, figure in figures.items()} | processor_step(folder, hint)
    context = {"num_prompts": len(prompts), "thinking_budget": window.budget, "hint_tokens": len(hint)}
    arrivals = {"num_arrivals": 2 * NUM_ARRIVALS, "arrivals_thinking_budget": longer.budget}
    arrivals["arrivals_num_seqs"] = ARRIVALS_NUM_SEQS
    print(json.dumps({**figures, **context, **arrivals, "rounds": ROUNDS}))


if __name__ == "__main__":
    main()
