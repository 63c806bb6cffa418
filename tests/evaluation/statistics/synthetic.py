"""Lines whose curve is known, for tests of what is read off it."""

from collections.abc import Sequence

import numpy as np

from z1ray.evaluation.statistics.lines import Line


def line(
    accuracies: Sequence[float],
    tokens: Sequence[int],
    *,
    model: str = "m",
    benchmark: str = "b",
    num_problems: int = 100,
) -> Line:
    """A line with one sample per problem: the first problems are solved, and all think for the same time."""
    shape = (len(tokens), num_problems, 1)
    solved = np.arange(num_problems) < np.round(np.array(accuracies) * num_problems)[:, None]
    thinking = np.broadcast_to(np.array(tokens, dtype=float)[:, None, None], shape)
    return Line(
        model,
        benchmark,
        "x",
        tuple(tokens),
        tuple(f"{benchmark}/{number:05d}" for number in range(num_problems)),
        (num_problems,),
        correct=solved[:, :, None].astype(float),
        thinking=thinking,
        generated=thinking + 10,
        answers=np.full(shape, "7", dtype=object),
    )
