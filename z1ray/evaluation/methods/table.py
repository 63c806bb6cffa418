"""The methods in one table: what each needs of a turn's state, and its runs."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from z1ray.evaluation.methods import names
from z1ray.evaluation.methods.draws import draw, votes
from z1ray.evaluation.methods.forcing import forced, forced_wait, thought, thought_apart, wait
from z1ray.evaluation.methods.marks import Marks
from z1ray.evaluation.methods.run import Run
from z1ray.evaluation.methods.window import two_pass, windowed
from z1ray.evaluation.traces import Trace
from z1ray.evaluation.turn import Turn
from z1ray.window import NO_CAP, Window


@dataclass(frozen=True, slots=True)
class Ask:
    """An answer to give: by which method, and under which window; without a cap for ``uncapped``."""

    method: str
    window: Window

    @property
    def limit(self) -> int:
        """Tokens that the window allows; 0 without a cap."""
        return self.window.max_tokens or 0


@dataclass(frozen=True, slots=True)
class State:
    """What is written of a turn and can be carried on.

    Attributes:
        trace: What the model wrote with nothing put in.
        waited: Thinking with "Wait" in the place of its ends; empty if no method asked for it.
        draws: Samples after the first.
    """

    trace: Trace
    waited: Sequence[int] = ()
    draws: Sequence[Sequence[int]] = field(default=())


async def carry_on(turn: Turn, state: State, asks: Sequence[Ask], marks: Marks) -> State:
    """Write of a turn what several answers share, as far as they need it."""
    trace = await _think(turn, state.trace, asks, marks)
    waits = [ask.window.budget for ask in _of(asks, names.BUDGET_FORCING_WAIT)]
    if waits:
        state = replace(state, waited=await wait(turn, trace, state.waited, max(waits), marks))
    limits = [ask.limit for ask in _of(asks, names.MAJORITY)]
    if limits:
        state = replace(state, draws=await draw(turn, trace, state.draws, max(limits)))
    return replace(state, trace=trace)


async def _think(turn: Turn, trace: Trace, asks: Sequence[Ask], marks: Marks) -> Trace:
    if any(ask.window.budget == NO_CAP for ask in asks):
        return await turn.think(trace, turn.room)
    budget = max(ask.window.budget for ask in asks)
    limit = max((ask.limit for ask in _of(asks, names.MAJORITY)), default=0)
    trace = await turn.think(trace, max(budget, min(limit, turn.room)))
    windows = [ask.window for ask in _of(asks, names.WINDOW)]
    if windows:
        trace = await turn.think_to_cut(trace, max(windows, key=lambda window: window.budget))
    closed = [ask.window for ask in _of(asks, names.BUDGET_FORCING, names.TAG_CAPPED)]
    num = thought(turn, trace.token_ids[:budget], marks.tag) if marks.tag and closed else None
    # Thinking that stopped by itself: its answer is part of the trace.
    return trace if num is None else await turn.think(trace, num + len(marks.tag) + closed[0].answer_tokens)


def _of(asks: Iterable[Ask], *methods: str) -> list[Ask]:
    return [ask for ask in asks if ask.method in methods]


async def finish(turn: Turn, state: State, asks: Sequence[Ask], marks: Marks) -> list[list[Run]]:
    """The runs of each answer, written at once: what they share is in the engine's prefix cache now."""
    return list(await asyncio.gather(*(_finish(turn, state, ask, marks) for ask in asks)))


async def _finish(turn: Turn, state: State, ask: Ask, marks: Marks) -> list[Run]:
    trace, window = state.trace, ask.window
    if ask.method == names.WINDOW:
        return [await windowed(turn, trace, window)]
    if ask.method == names.TWO_PASS:
        return [await two_pass(turn, trace, window)]
    if ask.method == names.BUDGET_FORCING:
        return [await forced(turn, trace, window, marks, marks.final, "#forced")]
    if ask.method == names.BUDGET_FORCING_WAIT:
        return [await forced_wait(turn, trace, state.waited, window, marks)]
    if ask.method == names.TAG_CAPPED:
        return [await forced(turn, trace, window, marks, marks.closing, "#closed")]
    if ask.method == names.UNCAPPED:
        return [thought_apart(turn, trace, marks)]
    assert ask.method == names.MAJORITY, f"no method is called {ask.method}"
    return votes(trace, state.draws, ask.limit)
