"""A running training in Ray's metrics, beside those that Ray Train keeps of its own.

Each name gains Ray's ``ray_``; ``cluster/grafana.json`` shows them.
"""

from typing import Any

STEP = "z1ray_train_step"
STEPS_LEFT = "z1ray_train_steps_left"
SECONDS_LEFT = "z1ray_train_seconds_left"
LOSS = "z1ray_train_loss"
LEARNING_RATE = "z1ray_train_learning_rate"
GRAD_NORM = "z1ray_train_grad_norm"
TOKENS_PER_SECOND = "z1ray_train_tokens_per_second"
FILL_RATIO = "z1ray_train_fill_ratio"
MFU = "z1ray_train_mfu"
PEAK_MEMORY = "z1ray_train_peak_memory_bytes"

# A step's figure by its name in `metrics.jsonl`, the gauge, and what it is.
_SHOWN = (
    ("step", STEP, "Optimizer steps taken."),
    ("steps_left", STEPS_LEFT, "Optimizer steps still to take."),
    ("seconds_left", SECONDS_LEFT, "Estimated seconds to the last step."),
    ("loss", LOSS, "Mean cross-entropy of the last step's trained tokens."),
    ("learning_rate", LEARNING_RATE, "Learning rate of the last step."),
    ("grad_norm", GRAD_NORM, "Gradient norm of the last step, before clipping."),
    ("tokens_per_second", TOKENS_PER_SECOND, "Trained tokens per second of the last step."),
    ("fill_ratio", FILL_RATIO, "Share of the workers' time that went to tokens, not to waiting."),
    ("mfu", MFU, "Model FLOPs utilisation of the last step."),
    ("peak_memory_bytes", PEAK_MEMORY, "Most tensor bytes on the first worker's GPU so far."),
)


class Gauges:
    """Ray's gauges of one run.

    Args:
        run: What tells this run from others of the cluster; the label ``run``.
    """

    def __init__(self, run: str) -> None:
        from ray.util.metrics import Gauge

        self._labels = {"run": run}
        self._gauges = {name: Gauge(metric, what, ("run",)) for name, metric, what in _SHOWN}

    def show(self, row: dict[str, Any]) -> None:
        """Set those that a step has figures for."""
        for name, gauge in self._gauges.items():
            if name in row:
                gauge.set(row[name], self._labels)
