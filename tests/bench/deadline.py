"""What deadlines are worth: `make bench-deadline`.

One real endpoint (the miniature's base model on this CPU) at 1.5 times its capacity, which is
measured before each phase, as requests per second with the default budget. Open loop: Poisson arrivals, prompts
of many lengths, answers that end by themselves or run to their limit, whole and streamed. Clients
leave ``DEADLINE_S`` after they came: 60 s of an endpoint whose budget is 4096, scaled to this one.
The same requests with

- our ``deadline_s``, budgets as the endpoint then gives them;
- the default budget, fixed;
- other fixed budgets, of which the best is searched for: it knows the load, as no operator does.

``in_time_over_default`` and ``in_time_over_best_fixed``: answers finished in time, ours over theirs;
ours are measured before and after all others. ``late_share``: of our requests that were
not refused, those that had no answer in time. Refused are those that were told so (429). The last line of
output is one JSON object.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench import endpoint
from tests.bench.arrivals import capacity, poisson
from tests.bench.open_loop import Load, Outcome
from tests.longer import with_context
from z1ray.engine.config import EngineConfig
from z1ray.window import WindowConfig

NAME = "miniature"
CONTEXT = 2048
DEFAULT_BUDGET, ANSWER_TOKENS = 256, 32
FIXED_BUDGETS = (32, 96, 160)
# Chunks cost HTTP more than tokens cost this engine: it is the engine's capacity that is to be the limit.
STREAM_INTERVAL = 64
ENGINE = EngineConfig(device="cpu", dtype="float32", max_num_seqs=8, enforce_eager=True)
WINDOW = WindowConfig(default_budget=DEFAULT_BUDGET, answer_tokens=ANSWER_TOKENS, efforts={})
DEADLINE_S = 8.0
OVERLOAD = 1.5
PHASE_S = 20.0
NUM_CAPACITY = 96
PROMPT_WORDS = (4, 100)
SEED = 5


@dataclass(frozen=True)
class Phase:
    """The outcomes of one load."""

    outcomes: list[Outcome]

    def _share(self, count: int) -> float:
        return count / len(self.outcomes)

    @property
    def in_time(self) -> float:
        """Share of requests that had their answer before their client left."""
        return self._share(sum(each.status == 200 and each.seconds <= DEADLINE_S for each in self.outcomes))

    @property
    def refused(self) -> float:
        """Share that was told to come back later."""
        return self._share(sum(each.status == 429 for each in self.outcomes))

    @property
    def late(self) -> float:
        """Of those that were not refused, the share that had no answer in time."""
        return (1 - self.refused - self.in_time) / max(1 - self.refused, 1e-9)

    @property
    def thinking(self) -> float:
        """Mean tokens of thinking of the answers."""
        counts = [each.thinking_tokens for each in self.outcomes if each.thinking_tokens is not None]
        return statistics.fmean(counts or [0])


class Bench:
    """Sends the same requests under one policy after another."""

    def __init__(self, address: str) -> None:
        self._address = address
        self.capacities: list[float] = []

    def send(self, times: list[float], fields: dict[str, Any], patience_s: float | None = DEADLINE_S) -> Phase:
        """Requests at these times, with these fields beside their own."""
        bodies = [body(number) | fields for number in range(len(times))]
        headers = {"Authorization": f"Bearer {endpoint.KEY}"}
        load = Load(f"{self._address}/v1/completions", headers, times, bodies, patience_s)
        command = [sys.executable, "-m", "tests.bench.open_loop"]
        done = subprocess.run(command, input=json.dumps(asdict(load)), stdout=subprocess.PIPE, text=True, check=True)
        return Phase([Outcome(**each) for each in json.loads(done.stdout)])

    def capacity(self) -> float:
        """Requests per second with the default budget, all there at once."""
        phase = self.send([0.0] * NUM_CAPACITY, {"thinking_budget": DEFAULT_BUDGET}, patience_s=None)
        assert all(each.status == 200 for each in phase.outcomes)
        return capacity([each.seconds for each in phase.outcomes])

    def overload(self, name: str, fields: dict[str, Any]) -> Phase:
        """One phase at 1.5 times the capacity; then the endpoint is idle again."""
        # Measured anew each time: on a machine that others use too, it changes.
        self.capacities.append(self.capacity())
        rate = OVERLOAD * self.capacities[-1]
        times = poisson([[0]], round(PHASE_S * rate), rate, SEED).times
        began = time.monotonic()
        phase = self.send(times, fields)
        # It is answered once nothing of the phase is left.
        (after,) = self.send([0.0], {"thinking_budget": 0}, patience_s=None).outcomes
        print(
            f"{name} at {rate:.2f}/s: {phase.in_time:.3f} in time, {phase.refused:.3f} refused, {phase.late:.3f} late, "
            f"{phase.thinking:.0f} tokens of thinking, {len(times)} requests in {time.monotonic() - began:.0f} s, "
            f"the next one after {after.seconds:.1f} s",
            file=sys.stderr,
        )
        return phase


def body(number: int) -> dict[str, Any]:
    """Request ``number``: the same under every policy."""
    rng = random.Random(number)
    words = [str(rng.randrange(100)) for _ in range(rng.randint(*PROMPT_WORDS))]
    return {
        "model": NAME,
        "prompt": " + ".join(words),
        "temperature": 1.0,
        "seed": number,
        "ignore_eos": rng.random() < 0.5,
        "stream": rng.random() < 0.5,
    }


def figures(bench: Bench) -> dict[str, float]:
    """All phases, and what they come to."""
    ours = [bench.overload("deadline_s", {"deadline_s": DEADLINE_S})]
    default = bench.overload("default", {"thinking_budget": DEFAULT_BUDGET})
    fixed = {budget: bench.overload(f"budget {budget}", {"thinking_budget": budget}) for budget in FIXED_BUDGETS}
    ours.append(bench.overload("deadline_s", {"deadline_s": DEADLINE_S}))
    best = max(fixed, key=lambda budget: fixed[budget].in_time)
    all_ours = Phase([outcome for phase in ours for outcome in phase.outcomes])
    return {
        "in_time_over_default": all_ours.in_time / max(default.in_time, 1e-9),
        "in_time_over_best_fixed": all_ours.in_time / fixed[best].in_time,
        "late_share": all_ours.late,
        "in_time": all_ours.in_time,
        "in_time_default": default.in_time,
        "in_time_best_fixed": fixed[best].in_time,
        "refused_share": all_ours.refused,
        "best_fixed_budget": best,
        "thinking_tokens": all_ours.thinking,
        "thinking_tokens_best_fixed": fixed[best].thinking,
        "capacity_per_s": statistics.median(bench.capacities),
        "capacity_least": min(bench.capacities),
        "capacity_most": max(bench.capacities),
        "deadline_s": DEADLINE_S,
        "num_requests": len(all_ours.outcomes),
    }


def main() -> None:
    """Start, measure, print."""
    endpoint.set_environment()
    with TemporaryDirectory() as folder:
        model = with_context(CONTEXT, Path(folder) / "model")
        with endpoint.served(NAME, model, engine=ENGINE, window=WINDOW, stream_interval=STREAM_INTERVAL) as address:
            bench = Bench(address)
            bench.capacity()  # to warm up
            found = figures(bench)
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main()
