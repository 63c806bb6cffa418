"""Learning-rate schedule: linear warm-up, then cosine decay to 0."""

import math


def learning_rate(step: int, num_steps: int, *, peak: float, warmup_steps: int) -> float:
    """The learning rate of optimizer step ``step``, counted from 0.

    It increases linearly to ``peak`` over the first ``warmup_steps`` steps, then follows half a cosine,
    which reaches 0 at ``step == num_steps``, after the last step, so that no step has a rate of 0.

    Args:
        step: The optimizer step.
        num_steps: Number of optimizer steps of the run.
        peak: The learning rate at the end of the warm-up.
        warmup_steps: Number of optimizer steps of warm-up; fewer than ``num_steps``.
    """
    assert 0 <= step <= num_steps, (step, num_steps)
    assert 0 <= warmup_steps < num_steps, (warmup_steps, num_steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / (num_steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
