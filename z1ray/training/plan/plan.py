"""The memory plan as a command, and as the check before a training starts.

Needs the model's ``config.json`` and seconds; no weights, no GPU, no cluster.
"""

from dataclasses import dataclass
from typing import Any

from z1ray.errors import UserError
from z1ray.progress import say
from z1ray.settings import changed
from z1ray.training.config import TrainConfig
from z1ray.training.engine import zero3
from z1ray.training.plan.activations import trace
from z1ray.training.plan.hardware import GIB, find_gpu, known_names, smallest
from z1ray.training.plan.memory import Plan, make_plan
from z1ray.training.plan.shape import ModelShape, read_shape

MOST_WORKERS = 512


@dataclass(frozen=True, slots=True)
class Room:
    """The memory a worker has: ``name`` says whose, ``memory`` how many bytes."""

    name: str
    memory: float


def tell_plan(config: TrainConfig, gpu: str) -> Plan:
    """Print the plan for a kind of GPU, or for this machine's memory if ``train.device`` is ``cpu``.

    Raises:
        UserError: If the GPU is unknown, the model missing, or the run does not fit.
    """
    room = _room(config, gpu)
    try:
        shape = read_shape(config.model)
    except OSError as error:
        raise UserError(
            "train.model",
            config.model,
            "its config.json cannot be read",
            "name a folder that has one, or a hub name that can be reached",
        ) from error
    plan = plan_run(config, shape)
    for line in lines(plan, config, shape, room):
        say(line)
    _require(plan, config, shape, room)
    return plan


def check_cluster(config: TrainConfig) -> None:
    """Refuse a run that cannot fit the GPUs of the cluster Ray is connected to; on CPU, do nothing.

    Raises:
        UserError: With what to change.
    """
    if config.device == "cpu":
        return
    names = _accelerators()
    gpu = smallest(found for name in names if (found := find_gpu(name)))
    if gpu is None:
        say(f"train: memory is not checked, as no GPU of a known kind is up yet (seen: {', '.join(names) or 'none'})")
        return
    shape = read_shape(config.model)
    room = Room("-".join(gpu.words), gpu.memory)
    plan = plan_run(config, shape)
    _require(plan, config, shape, room)
    say(f"train: {_gib(plan.needed)} of the {_gib(room.memory)} of each {room.name} are needed at most")


def plan_run(config: TrainConfig, shape: ModelShape) -> Plan:
    """The bytes of one worker of a run."""
    # Imported late, as it brings torch.
    from z1ray.training.engine.loss import CHUNK_TOKENS

    activations = trace(
        config.model,
        config.batch.row_tokens,
        precision=config.precision,
        device=config.device,
        gradient_checkpointing=config.memory.gradient_checkpointing,
    )
    return make_plan(shape, activations, config, bucket_elements=zero3.BUCKET_ELEMENTS, chunk_tokens=CHUNK_TOKENS)


def lines(plan: Plan, config: TrainConfig, shape: ModelShape, room: Room) -> list[str]:
    """The plan for people."""
    options = [config.precision, f"{config.num_workers} workers"]
    options += ["gradient checkpointing"] if config.memory.gradient_checkpointing else []
    options += ["offload"] if config.memory.offload else []
    tokens = f"{config.batch.micro_batch_size} x {config.batch.max_length} tokens"
    parts = {
        "parameters": plan.parameters,
        "gradients": plan.gradients,
        "optimizer states": plan.optimizer,
        "reduction bucket": plan.bucket,
        "gathered parameters": plan.gathered,
        f"activations of {tokens}": plan.activations,
        "gradient of the head": plan.head_gradient,
        "logits of a chunk": plan.logits,
    }
    whose = "GPU" if config.device == "gpu" else "worker"
    fits = "it fits" if plan.needed <= room.memory else "it does not fit"
    return [
        f"{config.model}: {shape.num_params / 1e9:.2f} B parameters, {', '.join(options)}; per {whose}:",
        *(f"  {_gib(size):>10}  {name}" for name, size in parts.items()),
        *(f"  {_gib(size):>10}  at a step's moment: {name}" for name, size in plan.moments.items()),
        f"  {_gib(plan.overhead):>10}  overhead and fragmentation",
        *([f"  {_gib(plan.host):>10}  of its node's own memory, for this worker"] if config.memory.offload else []),
        f"  {_gib(plan.needed):>10}  needed of {_gib(room.memory)} ({room.name}): {fits}",
    ]


def _require(plan: Plan, config: TrainConfig, shape: ModelShape, room: Room) -> None:
    if plan.needed <= room.memory:
        return
    raise UserError(
        "train.batch.micro_batch_size",
        config.batch.micro_batch_size,
        f"rows of {config.batch.micro_batch_size} x {config.batch.max_length} tokens need {_gib(plan.needed)} of the "
        f"{_gib(room.memory)} of {room.name}, the most at: {plan.peak_moment}",
        _remedy(config, shape, room),
    )


def _remedy(config: TrainConfig, shape: ModelShape, room: Room) -> str:
    """The least that makes it fit: one change, else as many as it takes, each on top of those before."""
    changes = _changes(config)
    so_far: dict[str, Any] = {}
    for asked in [*changes, *(so_far := so_far | change for change in changes)]:
        try:
            other = changed(config, asked)
        except UserError:
            continue  # Refused by itself, e.g. more workers than a global batch has examples.
        if plan_run(other, shape).needed <= room.memory:
            return "set " + " ".join(f"train.{name}={str(value).lower()}" for name, value in asked.items())
    return "use GPUs with more memory, or a smaller model: no setting makes it fit"


def _changes(config: TrainConfig) -> list[dict[str, Any]]:
    changes: list[dict[str, Any]] = []
    if not config.memory.gradient_checkpointing:
        changes.append({"memory.gradient_checkpointing": True})
    if config.batch.micro_batch_size > 1:
        changes.append({"batch.micro_batch_size": 1})
    if config.device == "gpu" and not config.memory.offload:
        changes.append({"memory.offload": True})
    workers = 2 * config.num_workers
    while workers <= MOST_WORKERS:
        changes.append({"num_workers": workers})
        workers *= 2
    return changes


def _room(config: TrainConfig, gpu: str) -> Room:
    if config.device == "cpu":
        import psutil

        share = psutil.virtual_memory().total / config.num_workers
        return Room(f"a worker's share of this machine, {config.num_workers} workers", share)
    found = find_gpu(gpu)
    if found is None:
        raise UserError("--gpu", gpu, "its memory is not known here", f"name one of {known_names()}")
    return Room("-".join(found.words), found.memory)


def _accelerators() -> list[str]:
    """Kinds of GPU in the cluster, by Ray's names."""
    import ray

    nodes: Any = ray.nodes()  # type: ignore[no-untyped-call]
    mark = "accelerator_type:"
    resources = (name for node in nodes if node["Alive"] for name in node["Resources"])
    return sorted({name.removeprefix(mark) for name in resources if name.startswith(mark)})


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB"
