"""The Shifted Thinking Window, and Z1's two passes."""

from dataclasses import replace

from z1ray.evaluation.methods.run import Run, cut_run, whole
from z1ray.evaluation.traces import Trace
from z1ray.evaluation.turn import Turn
from z1ray.window import Window


async def windowed(turn: Turn, trace: Trace, window: Window, seeded: str = "") -> Run:
    """A run under the window; see ``z1ray.window``.

    Args:
        turn: The turn.
        trace: Its trace, as far as the window cuts it.
        window: The window.
        seeded: Tells the answer's seed from that of other methods.
    """
    position = trace.cut(window, turn.breaks)
    if position is None:
        return whole(trace)
    assert window.max_tokens is not None, "a window with a cap has a limit"
    shown = (*trace.token_ids[:position], *window.hint)
    answer = await turn.write(shown, window.max_tokens - len(shown), f"{seeded}#{window.budget}")
    return cut_run(position, (), window.hint, answer)


async def two_pass(turn: Turn, trace: Trace, window: Window) -> Run:
    """A pass up to the budget, and a second one with answer tokens of its own: a window without grace."""
    limit = window.budget + len(window.hint) + window.answer_tokens
    return await windowed(turn, trace, replace(window, grace_tokens=0, max_tokens=limit), "#two_pass")
