"""What the paper's figure shows for its benchmarks, to lie under a curve of one's own.

The points are read off the figure of test-time scaling in arXiv 2504.00810 by eye, so they are approximate.
"""

import re
from collections.abc import Mapping, Sequence

Curve = Sequence[tuple[int, float]]
"""Points of average thinking tokens and pass@1 in percent."""

_LIVECODEBENCH: Mapping[str, Curve] = {
    "Z1-7B": [(256, 30.3), (505, 31.9), (865, 35.3)],
    "R1-Distill-Qwen-7B": [(512, 13.8), (1024, 20.7), (1990, 28.7)],
}
_GPQA: Mapping[str, Curve] = {
    "Z1-7B": [(510, 28.8), (945, 33.3), (1550, 41.9), (2470, 47.5)],
    "R1-Distill-Qwen-7B": [(1020, 19.2), (1980, 26.3), (3600, 35.4), (5800, 39.9)],
}
_MATH500: Mapping[str, Curve] = {
    "Z1-7B": [(705, 71.2), (820, 74.2), (985, 75.2), (1185, 76.4)],
    "R1-Distill-Qwen-7B": [(715, 62.4), (1010, 72.0), (1340, 76.0)],
}
_BY_NAME = {
    "livecodebench": _LIVECODEBENCH,
    "livecodebenchv5": _LIVECODEBENCH,
    "gpqa": _GPQA,
    "gpqadiamond": _GPQA,
    "math500": _MATH500,
}


def published(benchmark: str) -> Mapping[str, Curve]:
    """The paper's curves by model; none for what is not in its figure.

    Args:
        benchmark: A benchmark's label, such as ``gpqa_diamond`` or ``MATH-500``.
    """
    return _BY_NAME.get(re.sub(r"[^a-z0-9]", "", benchmark.lower()), {})
