"""Weak scaling, estimated: the time of a training step under ZeRO-3 on any number of GPUs.

Every worker does the same work however many there are; what grows is the way that
parameters and gradients travel. Per micro-batch, ZeRO-3 gathers the parameters for
the forward pass, gathers them again for the backward pass, and reduces and scatters
the gradients: three times the parameters (arXiv 1910.02054, section 7).

A collective goes round a ring: each worker sends and receives ``(n - 1) / n`` of all
bytes and waits ``n - 1`` times for a message. Over nodes there are as many rings as
GPUs in a node, each over one of its network adapters; the slower of the two kinds
of link decides.
Where communication overlaps with computation, only what exceeds it costs time, and
the first and the last layer's, which nothing can hide.

Pure; checked by ``make bench-train`` at one and two workers.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """What carries the collectives.

    Attributes:
        gpus_per_node: GPUs of a node.
        intra_bandwidth, inter_bandwidth: Bytes per second that a GPU sends (and receives at the same
            time) to others of its node; over the network.
        intra_latency, inter_latency: Seconds of one message.
    """

    gpus_per_node: int
    intra_bandwidth: float
    inter_bandwidth: float
    intra_latency: float
    inter_latency: float


# 450 GB/s of NVLink per direction and one 400 Gb/s adapter per GPU, at 80 % of what they are rated.
HGX_H100 = Links(
    gpus_per_node=8,
    intra_bandwidth=0.8 * 450e9,
    inter_bandwidth=0.8 * 50e9,
    intra_latency=3e-6,
    inter_latency=8e-6,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one optimizer step asks of each worker.

    Attributes:
        num_micro_batches: Forward and backward passes.
        compute_seconds: Arithmetic of one of them, with nothing to wait for.
        gathered_bytes: Parameters as they are gathered, once.
        num_gathers: How often a micro-batch gathers them: 2 under ZeRO-3.
        reduced_bytes: Gradients as they are reduced.
        num_collectives: Messages that one pass's parameters are split into; about one per layer.
        update_seconds: The optimizer's update of the whole model; workers share it.
        overlap: Whether communication runs beside computation.
    """

    num_micro_batches: int
    compute_seconds: float
    gathered_bytes: float
    num_gathers: int = 2
    reduced_bytes: float
    num_collectives: int
    update_seconds: float = 0.0
    overlap: bool = True


def ring_seconds(total_bytes: float, num_workers: int, links: Links, num_collectives: int = 1) -> float:
    """Time of an all-gather or reduce-scatter of ``total_bytes`` in all, in so many parts.

    Args:
        total_bytes: What every worker has after a gather, or before a reduction.
        num_workers: Workers of the ring.
        links: What carries it.
        num_collectives: Parts; each pays the latency.
    """
    if num_workers == 1:
        return 0.0
    num_nodes = -(-num_workers // links.gpus_per_node)
    # Every GPU takes in what it lacks; every node does, through all its adapters at a time.
    within = total_bytes * (num_workers - 1) / num_workers / links.intra_bandwidth
    between = total_bytes * (num_nodes - 1) / num_nodes / (links.inter_bandwidth * links.gpus_per_node)
    latency = (num_workers - num_nodes) * links.intra_latency + (num_nodes - 1) * links.inter_latency
    return max(within, between) + latency * num_collectives


def step_seconds(load: Load, num_workers: int, links: Links) -> float:
    """Time of one optimizer step."""
    gather = ring_seconds(load.gathered_bytes, num_workers, links, load.num_collectives)
    reduce = ring_seconds(load.reduced_bytes, num_workers, links, load.num_collectives)
    communication = load.num_gathers * gather + reduce
    if not load.overlap:
        micro_batch = load.compute_seconds + communication
    else:
        exposed = (gather + reduce) / load.num_collectives
        micro_batch = max(load.compute_seconds, communication) + exposed
    return load.num_micro_batches * micro_batch + load.update_seconds / num_workers


def efficiency(load: Load, num_workers: int, links: Links) -> float:
    """The share of a step that is arithmetic: 1 if communication cost nothing."""
    alone = load.num_micro_batches * load.compute_seconds + load.update_seconds / num_workers
    return alone / step_seconds(load, num_workers, links)
