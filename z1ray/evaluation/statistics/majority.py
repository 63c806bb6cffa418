"""Majority voting over several samples without a cap: the parallel way to spend tokens (arXiv 2203.11171)."""

from dataclasses import replace

import numpy as np

from z1ray.evaluation.methods.names import MAJORITY
from z1ray.evaluation.statistics.interval import Array
from z1ray.evaluation.statistics.lines import Line
from z1ray.evaluation.statistics.votes import are_programs, vote
from z1ray.window import NO_CAP


def votes_that_fit(tokens: float, line: Line) -> int:
    """How many samples of a line without a cap, as many tokens each as they have in the mean, fit into ``tokens``."""
    assert line.budgets == (NO_CAP,)
    per_sample = float(line.generated.mean())
    # A mean of 0.6 may come out a hair below 0.6.
    return line.num_samples if per_sample == 0 else min(line.num_samples, int(tokens / per_sample + 1e-9))


def majority(line: Line, num_votes: int) -> Line | None:
    """Votes of ``num_votes`` samples each, over the samples of a line without a cap.

    Samples are taken in their order, so many at a time that each votes once; those left over do not vote.

    Args:
        line: Several samples of each problem.
        num_votes: Samples that vote, at most as many as there are.

    Returns:
        A line whose samples are votes, with the tokens of all samples that voted; None if answers are programs.
    """
    assert line.budgets == (NO_CAP,)
    assert 1 <= num_votes <= line.num_samples
    if are_programs(line.answers.flat):
        return None
    num_groups = line.num_samples // num_votes
    shape = (1, len(line.problems), num_groups, num_votes)

    def grouped(values: Array) -> Array:
        return values[:, :, : num_groups * num_votes].reshape(shape)

    answers, correct = grouped(line.answers), grouped(line.correct)
    winners = np.empty(shape[:3], dtype=object)
    won = np.zeros(shape[:3])
    for place in np.ndindex(*shape[:3]):
        number = vote(answers[place].tolist())
        if number is not None:
            winners[place], won[place] = answers[place][number], correct[place][number]
    return replace(
        line,
        method=MAJORITY,
        correct=won,
        thinking=grouped(line.thinking).sum(axis=3),
        generated=grouped(line.generated).sum(axis=3),
        answers=winners,
    )
