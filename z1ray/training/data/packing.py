"""Packing: a step's examples side by side in rows, for as many workers as there are.

Under ZeRO-3 all workers go through the layers together, so every worker gets the
same number of rows, and a round of rows takes as long as its longest. Hence three
aims, in this order: few rows, rows of like length, like rows in the same round.

Pure: lengths in, a plan out. The plan follows from its arguments alone, so every
worker makes the same one without asking another.
"""

import heapq
from collections.abc import Sequence

Pack = tuple[int, ...]
"""The examples of one row: indices into the lengths."""

Round = tuple[Pack, ...]
"""What the workers do at the same time: one pack for each, by rank."""


def pack(examples: Sequence[int], lengths: Sequence[int], *, capacity: int, num_workers: int) -> list[Round]:
    """Spread examples over rows of at most ``capacity`` tokens.

    First-fit-decreasing tells how many rows are needed, rounded up to a multiple of
    the workers. The examples are then dealt anew over that many rows, each to the
    shortest, and traded between rows until they are almost alike. Where that does not
    fit (it packs a little less tightly), there is one round more.

    Args:
        examples: Indices of the step's examples; at least one.
        lengths: Tokens of each example of the dataset; none of ``examples`` exceeds ``capacity``.
        capacity: Tokens of one row.
        num_workers: Workers that share the step.

    Returns:
        Rounds, longest rows first. A pack is empty where there are fewer examples than rows.
    """
    assert examples
    ordered = sorted(examples, key=lambda index: (-lengths[index], index))
    assert lengths[ordered[0]] <= capacity, (lengths[ordered[0]], capacity)
    num_rounds = -(-num_first_fit([lengths[index] for index in ordered], capacity) // num_workers)
    while (packs := _level(ordered, lengths, capacity, num_rounds * num_workers)) is None:
        num_rounds += 1
    _trade(packs, lengths)
    packs.sort(key=lambda each: -num_tokens(each, lengths))
    return [
        tuple(tuple(each) for each in packs[start : start + num_workers]) for start in range(0, len(packs), num_workers)
    ]


def num_first_fit(lengths: Sequence[int], capacity: int) -> int:
    """Rows that first-fit needs for these lengths in this order."""
    rooms: list[int] = []
    for length in lengths:
        row = next((row for row, room in enumerate(rooms) if length <= room), None)
        if row is None:
            rooms.append(capacity - length)
        else:
            rooms[row] -= length
    return len(rooms)


def num_tokens(examples: Sequence[int], lengths: Sequence[int]) -> int:
    """Tokens of some examples together."""
    return sum(lengths[index] for index in examples)


def fill_ratio(rounds: Sequence[Round], lengths: Sequence[int]) -> float:
    """The share of the workers' time that goes to tokens: 1 if nobody ever waits.

    A step's tokens over what the workers could have done meanwhile: in each round,
    as many tokens each as the longest row has. Padding would count the same way.
    """
    filled = sum(num_tokens(each, lengths) for packs in rounds for each in packs)
    offered = sum(len(packs) * max(num_tokens(each, lengths) for each in packs) for packs in rounds)
    return filled / offered


def _level(ordered: Sequence[int], lengths: Sequence[int], capacity: int, num_packs: int) -> list[list[int]] | None:
    """Each example to the shortest pack; None if it has no room, for then no pack has."""
    packs: list[list[int]] = [[] for _ in range(num_packs)]
    shortest = [(0, number) for number in range(num_packs)]  # A heap already.
    for index in ordered:
        size, number = shortest[0]
        if size + lengths[index] > capacity:
            return None
        heapq.heapreplace(shortest, (size + lengths[index], number))
        packs[number].append(index)
    return packs


def _trade(packs: list[list[int]], lengths: Sequence[int]) -> None:
    """Let the longest pack give to the shortest, or swap with it, for as long as that brings the two closer."""
    sizes = [num_tokens(each, lengths) for each in packs]
    while True:
        longest, shortest = sizes.index(max(sizes)), sizes.index(min(sizes))
        gap = sizes[longest] - sizes[shortest]
        # How far the gap stays from closing, what is given, and what comes back (no index: nothing).
        trades = [
            (abs(gap - 2 * moved), given, back)
            for given in packs[longest]
            for back in (-1, *packs[shortest])
            if 0 < (moved := lengths[given] - (lengths[back] if back >= 0 else 0)) < gap
        ]
        if not trades:
            return
        _, given, back = min(trades)
        for source, target, index in ((longest, shortest, given), (shortest, longest, back)):
            if index >= 0:
                packs[source].remove(index)
                packs[target].append(index)
        sizes[longest], sizes[shortest] = (num_tokens(packs[number], lengths) for number in (longest, shortest))
