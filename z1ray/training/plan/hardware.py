"""What GPUs can do: peak arithmetic and memory, by name.

Peaks are the makers' figures for dense bfloat16 matrix products with float32
accumulation (no sparsity), memory is what the driver reports as usable.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Gpu:
    """One kind of GPU.

    Attributes:
        words: What a name must contain, as torch (``NVIDIA H100 80GB HBM3``) and Ray (``H100``) write it.
        peak_flops: Floating-point operations per second, dense bfloat16.
        memory: Usable bytes.
    """

    words: tuple[str, ...]
    peak_flops: float
    memory: float


# The first whose words are all in the name, so the more particular come first.
GPUS = (
    Gpu(("GB300",), 2.5e15, 278 * GIB),
    Gpu(("GB200",), 2.5e15, 184 * GIB),
    Gpu(("B300",), 2.25e15, 268 * GIB),
    Gpu(("B200",), 2.25e15, 178 * GIB),
    Gpu(("B100",), 1.75e15, 178 * GIB),
    Gpu(("GH200",), 989e12, 94 * GIB),
    Gpu(("H200",), 989e12, 139 * GIB),
    Gpu(("H100", "PCIE"), 756e12, 79 * GIB),
    Gpu(("H100", "NVL"), 835e12, 93 * GIB),
    Gpu(("H100",), 989e12, 79 * GIB),
    Gpu(("H800",), 989e12, 79 * GIB),
    Gpu(("H20",), 148e12, 95 * GIB),
    Gpu(("A100", "40GB"), 312e12, 39 * GIB),
    Gpu(("A100", "40G"), 312e12, 39 * GIB),
    Gpu(("A100",), 312e12, 79 * GIB),
    Gpu(("A800",), 312e12, 79 * GIB),
    Gpu(("L40S",), 362e12, 44 * GIB),
    Gpu(("L40",), 181e12, 44 * GIB),
    Gpu(("L4",), 121e12, 22 * GIB),
    Gpu(("A10G",), 70e12, 22 * GIB),
    Gpu(("A10",), 125e12, 22 * GIB),
)


def find_gpu(name: str) -> Gpu | None:
    """The GPU of that name; None if it is not in the table."""
    words = set(re.split(r"[^A-Z0-9]+", name.upper()))
    return next((gpu for gpu in GPUS if words.issuperset(gpu.words)), None)


def known_names() -> str:
    """The table's names, for a message."""
    return ", ".join("-".join(gpu.words) for gpu in GPUS)


def smallest(gpus: Iterable[Gpu]) -> Gpu | None:
    """The one with the least memory, which decides where all workers get the same share; None of none."""
    return min(gpus, key=lambda gpu: gpu.memory, default=None)
