"""A vote of several answers to one problem, and those of the method ``majority`` among an evaluation's rows."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from z1ray.evaluation.methods.names import MAJORITY
from z1ray.records import Row

_STATEMENT = re.compile(r"^\s*(?:def|class|import|from|for|while|with|async|print\b|return)\b", re.MULTILINE)


def vote(answers: Sequence[str | None]) -> int | None:
    """The place of the answer that wins: the most frequent; of several, the one that was given first.

    Answers are the same if their texts are; a sample without an answer does not vote.

    Args:
        answers: Extracted answers in the order of their samples.

    Returns:
        The first sample with the winning answer; None if there is no answer at all.
    """
    # A counter lists equal counts in the order in which they were first met.
    winners = Counter(answer for answer in answers if answer is not None).most_common(1)
    return answers.index(winners[0][0]) if winners else None


def are_programs(answers: Iterable[str | None]) -> bool:
    """Whether most of the answers are code, on which no two samples agree word for word: they cannot be voted on."""
    given = [answer for answer in answers if answer is not None]
    return 2 * sum(_STATEMENT.search(answer) is not None for answer in given) > len(given)


def voted(rows: Iterable[Row]) -> list[Row]:
    """Rows in which each vote is one row in the place of its samples.

    It is the first sample with the answer that won, with the tokens of all samples. Benchmarks whose answers are
    programs have no votes.

    Args:
        rows: Graded rows of ``EVALUATION_ROW``.
    """
    done: list[Row] = []
    votes: dict[tuple[str, str], dict[tuple[int, str], list[Row]]] = {}
    for row in rows:
        if row["method"] == MAJORITY:
            own = votes.setdefault((row["model"], row["benchmark"]), {})
            own.setdefault((row["thinking_budget"], row["problem_id"]), []).append(row)
        else:
            done.append(row)
    for own in votes.values():
        if not are_programs(row["answer"] for samples in own.values() for row in samples):
            done += [_winner(samples) for samples in own.values()]
    return done


def _winner(samples: Sequence[Row]) -> Row:
    samples = sorted(samples, key=lambda row: int(row["sample"]))
    number = vote([row["answer"] for row in samples])
    first = samples[number or 0]
    return {**first, "sample": 0, "thinking_tokens": sum(row["thinking_tokens"] for row in samples)}
