"""From ZeRO-3 shards to a model folder that loads everywhere."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deepspeed import DeepSpeedEngine

MODEL = "model"


def export(engine: "DeepSpeedEngine", base_model: str, output: Path) -> None:
    """Write ``<output>/model``: safetensors, tokenizer, chat template, generation config.

    Every worker has to call it; worker 0 gathers the weights in its CPU memory, in
    the precision they were trained in, and writes them. The folder appears whole or
    not at all.

    Args:
        engine: The engine.
        base_model: Where the tokenizer comes from.
        output: The stage's folder.
    """
    # Named for 16 bits, it returns whatever the weights are; None on all workers but the first.
    weights = engine._zero3_consolidated_16bit_state_dict()
    if weights is None:
        return
    from transformers import AutoTokenizer

    partial, final = output / f"{MODEL}.partial", output / MODEL
    for left_over in (partial, final):
        shutil.rmtree(left_over, ignore_errors=True)
    # Tied weights are one and the same tensor in `weights`; transformers then saves them once.
    engine.module.save_pretrained(partial, state_dict=weights)
    AutoTokenizer.from_pretrained(base_model).save_pretrained(partial)
    partial.rename(final)
