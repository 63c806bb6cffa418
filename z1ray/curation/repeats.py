"""The phases that find repeated questions and repeated responses, on all rows together.

Buckets are sorted one band per task; the pairs they name are compared, some thousands per task,
on the shingles that the row-wise phases wrote. Only hashes and row numbers travel.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from z1ray.curation import store
from z1ray.curation.dedupe import candidates, first_of_equal, same_key, similar, survivors, unique_pairs
from z1ray.curation.tasks import run_tasks
from z1ray.curation.text.words import Array

_PAIRS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """Texts to look for repeats among.

    Attributes:
        name: Of these texts; their files are named after it.
        keys: Folder of Parquet files with ``band_*`` and ``shingles``, one per unit, of all texts.
        shingles: Folder of their shingles.
        starts: Number of each unit's first text.
        work: Folder for what the phases leave.
        num_bands: Bands of the signatures.
        similarity: From which a pair counts.
        parallelism: Tasks side by side at most.
    """

    name: str
    keys: Path
    shingles: Path
    starts: Array
    work: Path
    num_bands: int
    similarity: float
    parallelism: int | None


def find_repeats(items: Items, members: Array, groups: Array, exact: Array, ranks: Array) -> dict[int, int]:
    """For each text that repeats one of its group: the text of lowest rank that stays and that it repeats.

    Args:
        items: The texts.
        members: Numbers of the texts to look at.
        groups: Group of each member; only texts of one group are compared.
        exact: Hash of each member's words.
        ranks: Of each member; the lowest survives.
    """
    keys = same_key(groups, exact)
    first = first_of_equal(keys, ranks)
    unlike = np.flatnonzero(first == np.arange(len(members)))
    near = _near(items, members[unlike], groups[unlike], ranks[unlike])
    repeats = {int(members[unlike[a]]): int(members[unlike[b]]) for a, b in near.items()}
    for place in np.flatnonzero(first != np.arange(len(members))).tolist():
        original = int(members[first[place]])
        repeats[int(members[place])] = repeats.get(original, original)
    return repeats


def _near(items: Items, members: Array, groups: Array, ranks: Array) -> dict[int, int]:
    """Positions among ``members``: of those that are dropped, each with the one that stays."""
    folder = items.work / items.name
    if not items.num_bands or len(members) < 2:
        return {}
    for name, numbers in (("members", members), ("groups", groups), ("ranks", ranks)):
        store.write_numbers(folder / f"{name}.npy", numbers)
    bands = list(range(items.num_bands))
    _run(items, f"{items.name} buckets", bands, partial(_bucket, items=items), [len(members)] * len(bands))
    packed = [np.load(folder / f"pairs-{band}.npy") for band in bands]
    pairs = unique_pairs(np.concatenate(packed), len(members))
    lengths = store.read_columns(items.keys, ["shingles"])["shingles"]
    store.write_numbers(folder / "offsets.npy", np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]))
    # Neighbours in the files are compared together.
    pairs = pairs[np.argsort(members[pairs[:, 1]], kind="stable")]
    store.write_numbers(folder / "pairs.npy", pairs)
    chunks = list(range(0, len(pairs), _PAIRS))
    sizes = [min(_PAIRS, len(pairs) - chunk) for chunk in chunks]
    _run(items, f"{items.name} pairs", chunks, partial(_compare, items=items), sizes)
    found = [np.empty((0, 2), dtype=np.int64), *(np.load(folder / f"similar-{chunk}.npy") for chunk in chunks)]
    return survivors(np.concatenate(found), ranks)


def _run(items: Items, label: str, numbers: list[int], work: Any, sizes: list[int]) -> None:
    names, done = [str(number) for number in numbers], items.work / f"done-{label.replace(' ', '-')}"
    run_tasks(label, numbers, names, work, done, sizes=sizes, parallelism=items.parallelism)


def _bucket(band: int, *, items: Items) -> dict[str, int]:
    """Sort the members into the buckets of one band and write the pairs worth comparing."""
    folder = items.work / items.name
    members, groups, ranks = (store.mapped(folder / f"{name}.npy") for name in ("members", "groups", "ranks"))
    column = f"band_{band}"
    keys = store.read_columns(items.keys, [column])[column][members]
    pairs = candidates(same_key(groups, keys), ranks)
    store.write_numbers(folder / f"pairs-{band}.npy", pairs)
    return {"pairs": len(pairs)}


def _compare(chunk: int, *, items: Items) -> dict[str, int]:
    """Compare some of the pairs and write those that are similar."""
    folder = items.work / items.name
    members, pairs, offsets = (store.mapped(folder / f"{name}.npy") for name in ("members", "pairs", "offsets"))
    own = np.array(pairs[chunk : chunk + _PAIRS])
    numbers = members[own]
    shingles = store.Shingles(items.shingles, items.starts, offsets)
    alike = set(similar(numbers, shingles, items.similarity))
    keep = np.fromiter((tuple(pair) in alike for pair in numbers.tolist()), dtype=bool, count=len(own))
    store.write_numbers(folder / f"similar-{chunk}.npy", own[keep])
    return {"similar": int(keep.sum())}
