"""DeepSpeed: what z1ray uses of it that its documentation does not name as API. Checked with DeepSpeed 0.19.8."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine


def compile_no_kernels() -> None:
    """Keep DeepSpeed on CPU from compiling a kernel of its own, which only its inference uses.

    Empties ``deepspeed.ops.__compatible_ops__``, where it looks the kernel up; compiling fails where there is no
    C++ compiler.
    """
    import deepspeed

    deepspeed.ops.__compatible_ops__ = {}  # type: ignore[attr-defined]


@contextmanager
def writing_by(engine: "DeepSpeedEngine", write: Callable[[object, str], None]) -> Iterator[None]:
    """While the block runs, ``engine.save_checkpoint`` writes each of its files by calling ``write(state, path)``.

    Hides ``engine.checkpoint_engine.save``, and ``engine._copy_recovery_script``, which would copy scripts that
    z1ray's export does without, behind attributes of these two objects.
    """
    engine.checkpoint_engine.save = write
    engine._copy_recovery_script = lambda folder: None
    try:
        yield
    finally:
        del engine.checkpoint_engine.save, engine._copy_recovery_script
