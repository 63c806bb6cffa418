"""GPUs are told apart by the names that torch and Ray give them."""

import pytest

from z1ray.training.plan.hardware import GIB, find_gpu, smallest


@pytest.mark.parametrize(
    ("name", "peak_tflops", "memory_gib"),
    [
        ("NVIDIA H100 80GB HBM3", 989, 79),
        ("NVIDIA H100 PCIe", 756, 79),
        ("NVIDIA H200", 989, 139),
        ("NVIDIA A100-SXM4-80GB", 312, 79),
        ("NVIDIA A100-SXM4-40GB", 312, 39),
        ("A100-40G", 312, 39),
        ("NVIDIA L40S", 362, 44),
        ("L4", 121, 22),
        ("NVIDIA B200", 2250, 178),
    ],
)
def test_names_of_torch_and_ray(name: str, peak_tflops: float, memory_gib: float) -> None:
    """The wrong row would make MFU, and whether a run fits, wrong without a sign."""
    gpu = find_gpu(name)
    assert gpu is not None
    assert (gpu.peak_flops, gpu.memory) == (peak_tflops * 1e12, memory_gib * GIB)


def test_an_unknown_gpu_is_no_other() -> None:
    """L40S is no L40, H20 no H200, and what is not in the table has no figure."""
    assert find_gpu("NVIDIA GeForce GTX 1080") is None
    assert find_gpu("NVIDIA L40") != find_gpu("NVIDIA L40S")
    assert find_gpu("NVIDIA H20") != find_gpu("NVIDIA H200")


def test_the_smallest_decides() -> None:
    """Under ZeRO-3 all workers hold the same share, so the least memory limits the run."""
    mixed = [gpu for name in ("H200", "A100-40G", "H100") if (gpu := find_gpu(name))]
    assert smallest(mixed) == find_gpu("A100-40G")
    assert smallest([]) is None
