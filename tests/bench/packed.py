"""z1ray's side of the training benchmark: its own steps on workers of its own, without checkpoint and export."""

from pathlib import Path
from typing import Any

from tests.bench.peak import most_resident


def packed_worker(job: dict[str, Any]) -> dict[str, Any]:
    """Take steps as ``z1ray.training.loop`` does.

    Args:
        job: ``config``, ``tokens`` (the token file) and ``num_steps``.

    Returns:
        ``rows``: figures of each step, as ``metrics.jsonl`` has them; ``resident_bytes``, the most
        that the first worker had.
    """
    import ray.train

    from z1ray.training import loop
    from z1ray.training.data import batches
    from z1ray.training.data.dataset import TokenFile
    from z1ray.training.engine import zero3
    from z1ray.training.report.speed import Speedometer

    config, tokens = job["config"], TokenFile(Path(job["tokens"]))
    engine, speed = zero3.start(config), Speedometer(config)
    rank = ray.train.get_context().get_world_rank()
    warm_up(engine, tokens)
    rows: list[dict[str, Any]] = []
    for step in range(job["num_steps"]):
        examples = batches.step_examples(step, len(tokens), config)
        row = loop.take_step(engine, tokens, examples, step, rank, config)
        lengths = [tokens.lengths[each] for each in examples]
        rows.append(row | speed.figures(lengths, row["num_tokens"], row["seconds"]))
    return {"rows": rows, "resident_bytes": most_resident()}


def warm_up(engine: Any, tokens: Any) -> None:
    """Three short passes: DeepSpeed records its order in the first two, and uses it from the third on."""
    from z1ray.training import loop
    from z1ray.training.data import batches

    shortest = tokens[min(range(len(tokens)), key=lambda index: tokens.lengths[index])]
    row = batches.micro_batch([shortest])
    num_trained = len(row.targets) * engine.world_size
    loop.optimizer_step(engine, [row] * 3, 3 * num_trained, 0.0)
