"""Budget forcing (s1, arXiv 2501.19393, section 3.1) and its like for models that think between tags."""

from collections.abc import Sequence

from z1ray.evaluation.methods.marks import Marks
from z1ray.evaluation.methods.run import Run, cut_run, whole
from z1ray.evaluation.traces import Trace
from z1ray.evaluation.turn import Turn
from z1ray.window import Window


def thought(turn: Turn, tokens: Sequence[int], tag: Sequence[int]) -> int | None:
    """Tokens before thinking's own end, which is the closing tag or the turn's last token; None if it goes on."""
    if tag:
        for start in range(len(tokens) - len(tag) + 1):
            if tuple(tokens[start : start + len(tag)]) == tuple(tag):
                return start
    return len(tokens) - 1 if turn.has_ended(tokens) else None


def thought_apart(turn: Turn, trace: Trace, marks: Marks) -> Run:
    """The trace itself, its thinking told from its answer where a tag does."""
    num = thought(turn, trace.token_ids, marks.tag)
    tagged = num is not None and tuple(trace.token_ids[num : num + len(marks.tag)]) == marks.tag
    return whole(trace, num if marks.tag and tagged else None)


async def forced(turn: Turn, trace: Trace, window: Window, marks: Marks, hint: Sequence[int], seeded: str) -> Run:
    """A run whose thinking is ended at the budget, unless it stopped before.

    Args:
        turn: The turn.
        trace: Its trace up to the budget, and to the end of the answer where its thinking stopped before.
        window: Budget and answer tokens.
        marks: The model's.
        hint: What ends the thinking: ``marks.final`` for ``budget_forcing``, ``marks.closing`` for ``tag_capped``.
        seeded: Tells the answer's seed from that of other methods.
    """
    thinking = trace.token_ids[: window.budget]
    num = thought(turn, thinking, marks.tag)
    if num is not None:
        last = num + len(marks.tag) + window.answer_tokens
        return thought_apart(turn, turn.trace(trace.token_ids[:last]), marks) if marks.tag else whole(trace)
    answer = await turn.write((*thinking, *hint), window.answer_tokens, f"{seeded}#{window.budget}")
    return cut_run(window.budget, (), hint, answer)


async def wait(turn: Turn, trace: Trace, waited: Sequence[int], budget: int, marks: Marks) -> tuple[int, ...]:
    """Thinking of ``budget`` tokens or more, in which "Wait" stands in the place of each of its own ends.

    Args:
        turn: The turn.
        trace: Its trace.
        waited: What came of it for a smaller budget; empty if nothing did yet.
        budget: Tokens.
        marks: The model's.
    """
    tokens = tuple(waited or trace.token_ids)
    while True:
        num = thought(turn, tokens, marks.tag)
        if num is not None:
            tokens = (*tokens[:num], *marks.wait)
        if len(tokens) >= budget:
            return tokens
        more = await turn.write(tokens, budget - len(tokens), f"#wait from {len(tokens)}", marks.tag[-1:])
        tokens += more


async def forced_wait(turn: Turn, trace: Trace, thinking: Sequence[int], window: Window, marks: Marks) -> Run:
    """A run whose thinking is the first tokens of what ``wait`` gave, up to the budget."""
    shown = thinking[: window.budget]
    answer = await turn.write((*shown, *marks.final), window.answer_tokens, f"#wait#{window.budget}")
    pairs = enumerate(zip(trace.token_ids, shown, strict=False))
    same = next((n for n, (own, put) in pairs if own != put), min(len(trace.token_ids), len(shown)))
    return cut_run(same, shown[same:], marks.final, answer)
