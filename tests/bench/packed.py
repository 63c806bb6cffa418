"""z1ray's side of the training benchmark: its own steps on workers of its own, without checkpoint and export."""

from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any


def packed_worker(job: dict[str, Any]) -> dict[str, Any]:
    """Take steps as ``z1ray.training.loop`` does.

    Args:
        job: ``config``, ``tokens`` (the token file), ``num_steps`` and ``micro_batch_sizes``.

    Returns:
        ``rows``: by micro-batch size a row of figures per step, as ``metrics.jsonl`` has them.
    """
    import ray.train

    from z1ray.training import batches, loop, zero3
    from z1ray.training.dataset import TokenFile
    from z1ray.training.speed import Speedometer

    tokens = TokenFile(Path(job["tokens"]))
    engine, speed = zero3.start(job["config"]), Speedometer(job["config"])
    rank = ray.train.get_context().get_world_rank()
    warm_up(engine, tokens)
    rows: dict[int, list[dict[str, Any]]] = {size: [] for size in job["micro_batch_sizes"]}
    for size, step in product(rows, range(job["num_steps"])):
        config = replace(job["config"], micro_batch_size=size)
        examples = batches.step_examples(step, len(tokens), config)
        row = loop.take_step(engine, tokens, examples, step, rank, config)
        row |= speed.figures([tokens.lengths[each] for each in examples], row["num_tokens"], row["seconds"])
        rows[size].append(row)
    return {"rows": rows}


def warm_up(engine: Any, tokens: Any) -> None:
    """Three short passes: DeepSpeed records its order in the first two, and uses it from the third on."""
    from z1ray.training import batches, loop

    shortest = tokens[min(range(len(tokens)), key=lambda index: tokens.lengths[index])]
    row = batches.micro_batch([shortest])
    num_trained = len(row.targets) * engine.world_size
    loop.optimizer_step(engine, [row] * 3, 3 * num_trained, 0.0)
