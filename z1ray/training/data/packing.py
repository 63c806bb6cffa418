"""Sequence packing: distribute a step's examples over rows without padding, equally many rows per worker.

Under ZeRO-3 all workers execute the layers in lockstep, so every worker needs the
same number of rows, and a round of rows takes as long as its longest row. The plan
therefore minimizes, in this order: the number of rows, the differences in length
between rows, and the differences within a round.

Pure and deterministic: every worker computes the same plan from the same lengths, without communication.
"""

import heapq
from collections.abc import Sequence

Pack = tuple[int, ...]
"""The examples packed into one row, as indices into the lengths."""

Round = tuple[Pack, ...]
"""One pack per worker, indexed by rank; all of them are processed at the same time."""


def pack(examples: Sequence[int], lengths: Sequence[int], *, capacity: int, num_workers: int) -> list[Round]:
    """Distribute examples over rows of at most ``capacity`` tokens.

    First-fit-decreasing determines the number of rows, rounded up to a multiple of
    the workers. The examples are then assigned longest first, each to the currently
    shortest row, and the rows are balanced by moving and swapping examples. Where the
    assignment exceeds the capacity (it packs less tightly than first-fit), one more round is added.

    Args:
        examples: Indices of the step's examples; at least one.
        lengths: Number of tokens of each example of the dataset; none of ``examples`` exceeds ``capacity``.
        capacity: Largest number of tokens of a row.
        num_workers: Data-parallel workers.

    Returns:
        The rounds, in order of decreasing row length. A pack is empty where there are fewer examples than rows.
    """
    assert examples
    ordered = sorted(examples, key=lambda index: (-lengths[index], index))
    assert lengths[ordered[0]] <= capacity, (lengths[ordered[0]], capacity)
    num_rounds = -(-num_first_fit([lengths[index] for index in ordered], capacity) // num_workers)
    while (packs := _assign(ordered, lengths, capacity, num_rounds * num_workers)) is None:
        num_rounds += 1
    _balance(packs, lengths)
    packs.sort(key=lambda each: -num_tokens(each, lengths))
    return [
        tuple(tuple(each) for each in packs[start : start + num_workers]) for start in range(0, len(packs), num_workers)
    ]


def num_first_fit(lengths: Sequence[int], capacity: int) -> int:
    """Number of rows of ``capacity`` tokens that first-fit needs for these lengths, in this order."""
    rooms: list[int] = []
    for length in lengths:
        row = next((row for row, room in enumerate(rooms) if length <= room), None)
        if row is None:
            rooms.append(capacity - length)
        else:
            rooms[row] -= length
    return len(rooms)


def num_tokens(examples: Sequence[int], lengths: Sequence[int]) -> int:
    """Total number of tokens of ``examples``."""
    return sum(lengths[index] for index in examples)


def fill_ratio(rounds: Sequence[Round], lengths: Sequence[int]) -> float:
    """Fraction of the workers' capacity that is used, from 0 to 1; at 1 no worker ever waits.

    The tokens of all rows, divided by what they would be if every row were as long as
    the longest of its round. Padding to the longest row would give the same ratio.
    """
    filled = sum(num_tokens(each, lengths) for packs in rounds for each in packs)
    offered = sum(len(packs) * max(num_tokens(each, lengths) for each in packs) for packs in rounds)
    return filled / offered


def _assign(ordered: Sequence[int], lengths: Sequence[int], capacity: int, num_packs: int) -> list[list[int]] | None:
    """Assign each example to the currently shortest pack; None if one does not fit there, and so fits nowhere."""
    packs: list[list[int]] = [[] for _ in range(num_packs)]
    shortest = [(0, number) for number in range(num_packs)]  # A heap already.
    for index in ordered:
        size, number = shortest[0]
        if size + lengths[index] > capacity:
            return None
        heapq.heapreplace(shortest, (size + lengths[index], number))
        packs[number].append(index)
    return packs


def _balance(packs: list[list[int]], lengths: Sequence[int]) -> None:
    """Move or swap examples between the longest and the shortest pack as long as that reduces their difference."""
    sizes = [num_tokens(each, lengths) for each in packs]
    while True:
        longest, shortest = sizes.index(max(sizes)), sizes.index(min(sizes))
        gap = sizes[longest] - sizes[shortest]
        # The remaining gap, the example that is moved, and the one swapped for it (-1: none).
        moves = [
            (abs(gap - 2 * moved), given, back)
            for given in packs[longest]
            for back in (-1, *packs[shortest])
            if 0 < (moved := lengths[given] - (lengths[back] if back >= 0 else 0)) < gap
        ]
        if not moves:
            return
        _, given, back = min(moves)
        for source, target, index in ((longest, shortest, given), (shortest, longest, back)):
            if index >= 0:
                packs[source].remove(index)
                packs[target].append(index)
        sizes[longest], sizes[shortest] = (num_tokens(packs[number], lengths) for number in (longest, shortest))
