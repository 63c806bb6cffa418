"""The learning rate: linear warm-up, then half a cosine down to 0."""

import math


def learning_rate(step: int, num_steps: int, *, peak: float, warmup_steps: int) -> float:
    """The learning rate of optimizer step ``step``, counted from 0.

    The warm-up rises in ``warmup_steps`` equal stairs whose last is the peak. The
    cosine reaches 0 at ``step == num_steps``, right after the last step, so that no
    step is spent at a rate of 0.
    """
    assert 0 <= step <= num_steps, (step, num_steps)
    assert 0 <= warmup_steps < num_steps, (warmup_steps, num_steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    progress = (step - warmup_steps) / (num_steps - warmup_steps)
    return peak * 0.5 * (1 + math.cos(math.pi * progress))
