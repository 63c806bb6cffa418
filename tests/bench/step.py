"""The processor's share of a decode step: 256 rows, Qwen2.5's vocabulary.

The step it is held against is less than a real one: only the logits' matrix
product of the smallest Qwen2.5 (0.5B, 896 wide), for as many rows, in float32 on
the same cores; the 24 layers before it and the sampler after it are left out.
"""

import random
import statistics
import time
from pathlib import Path
from typing import Any

from z1ray.engine.args import extra_args
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_kwargs
from z1ray.window import Window

NUM_ROWS = 256
VOCABULARY = 151_936
HIDDEN = 896
NUM_STEPS = 300
ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=2048, max_num_seqs=NUM_ROWS, enforce_eager=True)


class Rows:
    """A full batch whose runs end and are followed by others; budgets of 128 to 1,024 tokens."""

    def __init__(self, hint: tuple[int, ...]) -> None:
        self._rng = random.Random(0)
        self._hint = hint
        self._runs = [self._start() for _ in range(NUM_ROWS)]
        for run in self._runs:  # somewhere in the middle of their life
            run[1].extend([1] * self._rng.randrange(run[0].max_tokens or 0))
        self._new = list(range(NUM_ROWS))

    def _start(self) -> tuple[Window, list[int]]:
        budget = self._rng.randrange(128, 1025)
        grace = self._rng.choice([0, budget // 8])
        return Window(budget, self._hint, budget + grace + len(self._hint) + self._rng.randrange(32, 257), grace), []

    def update(self) -> Any:
        """What vLLM tells a processor about runs that ended and others that took their rows."""
        from vllm import SamplingParams
        from vllm.v1.sample.logits_processor import BatchUpdate

        if not self._new:
            return None
        rows = [(index, *self._runs[index]) for index in self._new]
        added = [
            (index, SamplingParams(max_tokens=window.max_tokens, extra_args=extra_args(window)), [1], generated)
            for index, window, generated in rows
        ]
        return BatchUpdate(batch_size=NUM_ROWS, removed=[], added=added, moved=[])

    def advance(self) -> None:
        """Every run writes one more token, or gives its row to a new one."""
        self._new = []
        for index, (window, generated) in enumerate(self._runs):
            generated.append(1)
            if len(generated) == window.max_tokens:
                self._runs[index] = self._start()
                self._new.append(index)


def processor_step(folder: Path, hint: tuple[int, ...]) -> dict[str, float]:
    """Mean time of ``update_state`` + ``apply`` over a stretch of decode steps, and its share of one."""
    import torch
    from vllm import EngineArgs

    from z1ray.engine.processor import WindowProcessor

    config = EngineArgs(model=str(folder), **engine_kwargs(ENGINE, windows=True)).create_engine_config()
    processor, rows = WindowProcessor(config, torch.device("cpu"), is_pin_memory=False), Rows(hint)
    logits = torch.zeros(NUM_ROWS, VOCABULARY)
    taken = []
    for _ in range(NUM_STEPS):
        update = rows.update()
        started = time.perf_counter()
        processor.update_state(update)
        processor.apply(logits)
        taken.append(time.perf_counter() - started)
        rows.advance()
    step = _logits_seconds()
    mine = statistics.mean(taken[1:])  # the first takes in the whole batch at once
    return {"processor_step_share": round(mine / step, 5), "processor_step_us": round(mine * 1e6, 1)}


def _logits_seconds() -> float:
    import torch

    hidden, head = torch.rand(NUM_ROWS, HIDDEN), torch.rand(VOCABULARY, HIDDEN)
    taken = []
    for _ in range(4):
        started = time.perf_counter()
        hidden @ head.T
        taken.append(time.perf_counter() - started)
    return min(taken)
