"""What the window costs: `make bench-window`.

On one real engine (SmolLM2-135M, float32, 16 sequences at a time), alternating
within one run because machines drift:

- ``cost_ratio``: tokens per second with a budget on every request over the same
  requests without (both generate the same number of tokens); 1 is free.
- ``two_pass_over_ours``: time of Z1's two passes (a whole batch, then a second
  one of prompt + first pass + hint; prefix cache on) over the single pass.

Median of the rounds; the last line of output is one JSON object.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from z1ray.engine.args import extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env, engine_kwargs
from z1ray.engine.tokens import chat_token_ids, text_token_ids
from z1ray.evaluation.two_pass import Completion, two_pass
from z1ray.models import embedded
from z1ray.prompts import chat_messages
from z1ray.window import CODE_HINT, Window, WindowConfig, resolve

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=2048, max_num_seqs=16, enforce_eager=True)
ROUNDS = 3
BUDGET = 112  # eight hint lengths
ANSWER_TOKENS = 34
# A quarter ends early by itself, the rest is cut.
SHORT = [f"What is {n}+{n}? Answer with one number only." for n in range(8)]
LONG = [f"Explain in detail how to {what}." for what in ("sort a list", "bake bread", "build a house", "learn chess")]
QUESTIONS = [*SHORT, *(f"{question} Part {part}." for part in range(6) for question in LONG)]

Prompts = Sequence[Sequence[int]]


def complete(llm: Any, prompts: Prompts, max_tokens: int | None, **params: Any) -> list[Completion]:
    """Greedy completions of a batch."""
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=0, max_tokens=max_tokens, **params)
    outputs = llm.generate([{"prompt_token_ids": list(prompt)} for prompt in prompts], sampling, use_tqdm=False)
    return [Completion(tuple(o.outputs[0].token_ids), o.outputs[0].finish_reason == "stop") for o in outputs]


def rate(llm: Any, prompts: Prompts, window: Window, capped: bool) -> float:
    """Tokens per second when every run goes to the full length."""
    args = extra_args(window) if capped else None
    started = time.perf_counter()
    done = complete(llm, prompts, window.max_tokens, ignore_eos=True, extra_args=args)
    return sum(len(completion.token_ids) for completion in done) / (time.perf_counter() - started)


def timed(work: Any) -> tuple[float, Any]:
    """Seconds taken, and the result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def measure(llm: Any, prompts: Prompts, window: Window) -> dict[str, float]:
    """Both ratios, alternating the sides round by round."""
    cost, passes = [], []
    for number in range(ROUNDS):
        llm.reset_prefix_cache()
        cost.append(rate(llm, prompts, window, True) / rate(llm, prompts, window, False))
        llm.reset_prefix_cache()
        two, reference = timed(lambda: two_pass(lambda batch, limit: complete(llm, batch, limit), prompts, window))
        llm.reset_prefix_cache()
        ours, single = timed(lambda: complete(llm, prompts, window.max_tokens, extra_args=extra_args(window)))
        assert single == reference, "the single pass must give the reference's tokens"
        passes.append(two / ours)
        print(f"round {number + 1}: cost ratio {cost[-1]:.3f}, two-pass / ours {passes[-1]:.3f}", file=sys.stderr)
    return {"cost_ratio": round(statistics.median(cost), 3), "two_pass_over_ours": round(statistics.median(passes), 3)}


def main() -> None:
    """Start the engine, warm it up, measure, print."""
    os.environ.update(engine_env(ENGINE), HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR")
    folder = Path("runs") / "models" / embedded.NAME
    folder.parent.mkdir(parents=True, exist_ok=True)
    embedded.prepare(folder)
    from vllm import LLM

    llm = LLM(str(folder), **engine_kwargs(ENGINE))
    prompts = chat_token_ids(str(folder), [chat_messages(question, None) for question in QUESTIONS])
    window = resolve(WindowConfig(answer_tokens=ANSWER_TOKENS), text_token_ids(str(folder), CODE_HINT), BUDGET)
    complete(llm, prompts[:16], 16)
    figures = measure(llm, prompts, window)
    print(json.dumps({**figures, "num_prompts": len(prompts), "thinking_budget": BUDGET, "rounds": ROUNDS}))


if __name__ == "__main__":
    main()
