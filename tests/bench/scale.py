"""Generation on up to 4,096 replicas, simulated, and a table of ten million requests, real: `make bench-scale`.

The simulation (``tests/bench/simulation.py``) runs 107K problems in two modes
(``tests/bench/workload.py``) with the pipeline's own batch size and batches in
flight, on replicas that have the step times of the engine measured here
(``tests/bench/calibrate.py``: SmolLM2, 16 sequences). Efficiency is the ideal over
the actual makespan; the ideal is the larger of two bounds that no schedule can
beat, the work divided to the token over full batches and the longest request alone.

- ``efficiency_N``: N replicas, the table's order, longest expected first.
- ``efficiency_N_unordered``: problem by problem, each in both modes.
- ``efficiency_N_deaths``: as the first; a replica lives 24 hours on average, is back
  after 5 minutes and starts its rows over.
- ``efficiency_512_batch_16``, ``_seqs_64``, ``_seqs_256``: the first with larger
  batches, and with replicas that decode more at a time (the line through the
  measured step times taken further): fewer waves, so the tail weighs more.
- ``calibration_error``: a small real run against its simulation.
- ``request_rows``, ``driver_peak_gib``, ...: see ``tests/bench/table.py``.

Writes ``runs/bench/scale.svg``; ``ARGS="--plot FILE"`` says where else.
The last line of output is one JSON object.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from tests.bench.calibrate import ENGINE, calibrate
from tests.bench.simulation import Cluster, StepTimes, simulate
from tests.bench.table import measure_table
from tests.bench.workload import Requests, explained_share, longest_first, make_requests
from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import batches_in_flight, engine_env
from z1ray.models import embedded
from z1ray.trajectories.config import GenerateConfig

NUM_PROBLEMS = 107_000
REPLICAS = (8, 64, 512, 4096)
LIFETIME_S = 24 * 3600.0
RESTART_S = 300.0
CURVES = {"": "longest expected first", "_deaths": "the same, replicas live 24 h on average", "_unordered": "unordered"}

Figures = dict[str, float]


def cluster(num_replicas: int, batch_size: int, max_num_seqs: int = ENGINE.max_num_seqs) -> Cluster:
    """Replicas that are fed as the real pipeline feeds its engines."""
    in_flight = batches_in_flight(EngineConfig(max_num_seqs=max_num_seqs), batch_size)
    return Cluster(
        num_replicas=num_replicas,
        max_num_seqs=max_num_seqs,
        batch_size=batch_size,
        batches_open=in_flight,
        batches_bound=in_flight,
        restart_s=RESTART_S,
    )


def default_batch_size() -> int:
    """What a run uses that does not say."""
    return int(OmegaConf.structured(GenerateConfig).batch_size)


def efficiencies(requests: Requests, times: StepTimes, batch_size: int) -> Figures:
    """All curves, and what other settings would give at 512 replicas."""
    ordered = longest_first(requests)
    figures: Figures = {}
    for number in REPLICAS:
        calm = cluster(number, batch_size)
        figures[f"efficiency_{number}"] = _efficiency(ordered, calm, times)
        figures[f"efficiency_{number}_unordered"] = _efficiency(requests, calm, times)
        figures[f"efficiency_{number}_deaths"] = _efficiency(ordered, replace(calm, lifetime_s=LIFETIME_S), times)
    figures["efficiency_512_batch_16"] = _efficiency(ordered, cluster(512, 16), times)
    for seqs in (64, 256):
        figures[f"efficiency_512_seqs_{seqs}"] = _efficiency(ordered, cluster(512, batch_size, seqs), times)
    return figures


def _efficiency(requests: Requests, replicas: Cluster, times: StepTimes) -> float:
    started = time.perf_counter()
    outcome = simulate(requests, replicas, times)
    print(
        f"{replicas.num_replicas} replicas, {replicas.max_num_seqs} sequences, batches of {replicas.batch_size}:"
        f" {outcome.makespan_s / 3600:.2f} h, ideal {outcome.ideal_s / 3600:.2f} h, {outcome.num_deaths} deaths,"
        f" efficiency {outcome.efficiency:.3f} (simulated in {time.perf_counter() - started:.1f} s)",
        file=sys.stderr,
    )
    return round(outcome.efficiency, 3)


def plot(figures: Figures, path: Path) -> None:
    """Efficiency against replicas, one line per curve."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "z1ray"  # the same figures give the same file
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6.4, 3.6))
    for suffix, label in CURVES.items():
        axes.plot(REPLICAS, [figures[f"efficiency_{number}{suffix}"] for number in REPLICAS], marker="o", label=label)
    axes.axhline(0.95, color="grey", linewidth=0.8, linestyle=":")
    axes.set(xscale="log", xticks=REPLICAS, xticklabels=[f"{n:,}" for n in REPLICAS], ylim=(0, 1.05))
    axes.minorticks_off()
    axes.set(xlabel="replicas", ylabel="ideal / simulated makespan", title="107K problems in two modes")
    axes.legend(loc="lower left", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata={"Date": None})


def main() -> None:
    """Calibrate, simulate, plot, then write the real table."""
    parser = argparse.ArgumentParser(description="generation at scale")
    parser.add_argument("--plot", type=Path, help="write the plot here too")
    arguments = parser.parse_args()
    os.environ.update(engine_env(ENGINE), HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR")
    folder = Path("runs") / "models" / embedded.NAME
    embedded.prepare(folder)
    times, calibration = calibrate(folder)
    requests = make_requests(NUM_PROBLEMS, seed=0)
    figures = efficiencies(requests, times, default_batch_size())
    for path in filter(None, (Path("runs") / "bench" / "scale.svg", arguments.plot)):
        plot(figures, path)
    print(json.dumps({**figures, **_context(requests, times), **calibration, **measure_table()}))


def _context(requests: Requests, times: StepTimes) -> dict[str, Any]:
    return {
        "num_requests": len(requests),
        "mean_tokens": round(float(requests.output_tokens.mean())),
        "explained_share": round(explained_share(requests), 2),
        "step_s": round(times.step_s, 4),
        "sequence_s": round(times.sequence_s, 5),
        "prompt_token_s": round(times.prompt_token_s, 6),
    }


if __name__ == "__main__":
    main()
