"""What pretraining leaves out: the terms of every problem that the miniature is evaluated on."""

from collections.abc import Iterable

from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems

Terms = tuple[int, ...]


def held_out_terms(benchmarks: Iterable[SourceConfig]) -> frozenset[Terms]:
    """The terms of the benchmarks' sums. Programs' own split tells; see ``problems.programs``."""
    sums = [source for source in benchmarks if source.task == "chain_sum"]
    return frozenset(terms_of(row["question"]) for row in load_problems(sums))


def terms_of(question: str) -> Terms:
    """The terms of the sum that a question of reasoning-gym's ``chain_sum`` asks."""
    words = question.partition("problem: ")[2].partition(" =")[0].split()
    return (int(words[0]), *(int(sign + digit) for sign, digit in zip(words[1::2], words[2::2], strict=True)))
