"""Requests that arrive by themselves: the window in one pass against two calls per request.

Open loop: arrival times are drawn beforehand (Poisson) and do not wait for
answers, and latency counts from the drawn time, so a slow side cannot slow its
own load down. Both sides get the same times and prompts. The side of two calls
sends its second call the moment the first has ended.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from z1ray.engine.args import extra_args
from z1ray.window import Window

Prompts = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Seconds from the start, and the prompt that arrives then."""

    times: list[float]
    prompts: list[list[int]]


def poisson(prompts: Prompts, num: int, per_second: float, seed: int) -> Arrivals:
    """``num`` arrivals at a mean rate, prompts in random order."""
    rng = random.Random(seed)
    times, now = [], 0.0
    for _ in range(num):
        now += rng.expovariate(per_second)
        times.append(now)
    return Arrivals(times, [list(rng.choice(prompts)) for _ in range(num)])


def at_once(arrivals: Arrivals) -> Arrivals:
    """The same prompts, all there at the very start."""
    return Arrivals([0.0] * len(arrivals.times), arrivals.prompts)


def capacity(finished: list[float]) -> float:
    """Requests per second while the engine is full: the middle of a load that was there at once.

    Args:
        finished: Seconds from the start to the end of each.
    """
    ends = sorted(finished)
    first, last = len(ends) // 5, len(ends) - len(ends) // 5
    return (last - first) / (ends[last] - ends[first])


class OneCall:
    """The window enforced in the engine: a request is one call."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def first(self, prompt: list[int]) -> tuple[list[int], Any]:
        """The prompt and sampling of the first call."""
        return prompt, _sampling(self._window.max_tokens, extra_args(self._window))

    def second(self, prompt: list[int], output: Any) -> None:
        """There is none."""


class TwoCalls:
    """Z1's way for a single client: up to the budget, then prompt + first answer + hint."""

    def __init__(self, window: Window) -> None:
        self._window = window

    def first(self, prompt: list[int]) -> tuple[list[int], Any]:
        """The prompt and sampling of the first call."""
        return prompt, _sampling(self._window.budget, None)

    def second(self, prompt: list[int], output: Any) -> tuple[list[int], Any] | None:
        """The same of the second, for a run that was cut."""
        window = self._window
        if output.finish_reason == "stop":
            return None
        assert window.max_tokens is not None
        left = window.max_tokens - window.budget - len(window.hint)
        return [*prompt, *output.token_ids, *window.hint], _sampling(left, None)


Side = OneCall | TwoCalls


def latencies(engine: Any, arrivals: Arrivals, side: Side) -> list[float]:
    """Seconds from each arrival to the end of its answer.

    Args:
        engine: vLLM's ``LLMEngine``.
        arrivals: Times and prompts.
        side: How a request is made of calls.
    """
    waiting = [(f"{number}-1", at) for number, at in enumerate(arrivals.times)][::-1]
    taken = [0.0] * len(waiting)
    started = time.perf_counter()
    while waiting or engine.has_unfinished_requests():
        now = time.perf_counter() - started
        while waiting and waiting[-1][1] <= now:
            name, _ = waiting.pop()
            _send(engine, name, side.first(arrivals.prompts[_number(name)]))
        if not engine.has_unfinished_requests():
            time.sleep(max(0.0, waiting[-1][1] - now))
            continue
        for output in engine.step():
            if not output.finished:
                continue
            number = _number(output.request_id)
            more = output.request_id.endswith("-1") and side.second(arrivals.prompts[number], output.outputs[0])
            if more:
                _send(engine, f"{number}-2", more)
            else:
                taken[number] = time.perf_counter() - started - arrivals.times[number]
    return taken


def _number(name: str) -> int:
    return int(name.split("-")[0])


def _send(engine: Any, name: str, call: tuple[list[int], Any]) -> None:
    prompt, sampling = call
    engine.add_request(name, {"prompt_token_ids": prompt}, sampling)


def _sampling(max_tokens: int | None, args: dict[str, Any] | None) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        temperature=0, max_tokens=max_tokens, extra_args=args, output_kind=RequestOutputKind.FINAL_ONLY
    )
