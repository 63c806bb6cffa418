"""Several uncapped samples of one question, as many as fit into a number of tokens."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from z1ray.evaluation.methods.run import Run
from z1ray.evaluation.traces import Trace
from z1ray.evaluation.turn import Turn

MOST_DRAWS = 64

Tokens = Sequence[int]


async def draw(turn: Turn, trace: Trace, draws: Sequence[Tokens], limit: int) -> list[Tokens]:
    """Samples that end by themselves, one after the other, until the next does not fit.

    Args:
        turn: The turn.
        trace: The first sample, as far as the limit reaches.
        draws: The ones after it that were drawn before, for a smaller limit.
        limit: Tokens of all together.

    Returns:
        The samples after the first.
    """
    drawn = list(draws)
    left = limit - len(trace.token_ids) - sum(map(len, drawn))
    while trace.ended and left > 0 and 1 + len(drawn) < MOST_DRAWS:
        tokens = await turn.write((), min(left, turn.room), f"#draw {1 + len(drawn)}")
        left -= len(tokens)
        if not turn.has_ended(tokens):
            break
        drawn.append(tokens)
    return drawn


def votes(trace: Trace, draws: Sequence[Tokens], limit: int) -> list[Run]:
    """The samples that fit into the limit, each as a run; the first one cut there if not even that fits."""
    first = min(len(trace.token_ids), limit)
    runs = [_run(first, ())]
    if not trace.ended or len(trace.token_ids) > limit:
        return runs
    spent = accumulate(map(len, draws), initial=first)
    next(spent)
    fitting = [tokens for tokens, total in zip(draws, spent, strict=True) if total <= limit]
    return [*runs, *(replace(_run(0, tokens), sample=number) for number, tokens in enumerate(fitting, 1))]


def _run(kept: int, added: Tokens) -> Run:
    length = kept + len(added)
    return Run(kept=kept, added=added, thinking_tokens=length, hint_tokens=0, answer_tokens=0, cut=False)
