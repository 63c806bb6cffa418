"""A request's deadline: the thinking budget that fits into the seconds left, or a refusal.

Of the time left, what the engine needs to begin, for the hint and for the answer is
set aside; the rest is for thinking, at the speed that was measured.
"""

from dataclasses import dataclass

from z1ray.serving.window.bounds import DEADLINE, Bound
from z1ray.serving.window.request import WindowRequest
from z1ray.window import NO_CAP

_MARGIN = 0.2
"""The share of the time left that is not planned with: others come while a request runs, and the way back to its
client takes time. A little less thinking costs less than an answer that comes too late."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast an engine works with as many sequences as it has.

    Attributes:
        token_s: Seconds per token of one sequence.
        first_s: Seconds to the first token, whatever the prompt: the wait for the engine.
        prompt_token_s: What each token of the prompt adds to it.
    """

    token_s: float
    first_s: float = 0.0
    prompt_token_s: float = 0.0

    def start_s(self, prompt_tokens: int) -> float:
        """Seconds to the first token."""
        return self.first_s + self.prompt_token_s * prompt_tokens


class DeadlineImpossible(Exception):
    """Not even hint and answer would be there in time.

    Attributes:
        deadline_s: The deadline.
        earliest_s: Seconds from the request's arrival in which they could have been.
    """

    def __init__(self, deadline_s: float, earliest_s: float) -> None:
        super().__init__(f"an answer is there after {earliest_s:.1f} s, not within {deadline_s:g} s")
        self.deadline_s, self.earliest_s = deadline_s, earliest_s


def fit(wanted: WindowRequest, waited_s: float, pace: Pace, prompt_tokens: int, answer_tokens: int) -> Bound:
    """The budget with which a request with a deadline is answered in time.

    Args:
        wanted: The request; ``deadline_s`` is set.
        waited_s: Seconds that have gone since it arrived.
        pace: Of the engine that it would go to now.
        prompt_tokens: Of its prompts together.
        answer_tokens: Tokens set aside for an answer after the hint; the client's own limit may be less.

    Raises:
        DeadlineImpossible: If no answer would be in time.
    """
    assert wanted.deadline_s is not None
    window = wanted.window
    after_thinking = len(window.hint) + answer_tokens
    if wanted.limited and window.max_tokens is not None:
        after_thinking = min(after_thinking, window.max_tokens)
    least_s = pace.start_s(prompt_tokens) + after_thinking * pace.token_s
    usable_s = (wanted.deadline_s - waited_s) * (1 - _MARGIN)
    if least_s > usable_s:
        raise DeadlineImpossible(wanted.deadline_s, waited_s + least_s / (1 - _MARGIN))
    with_grace = 1.0 if window.budget in (NO_CAP, 0) else 1 + window.grace_tokens / window.budget
    return Bound(int((usable_s - least_s) / pace.token_s / with_grace), DEADLINE)
