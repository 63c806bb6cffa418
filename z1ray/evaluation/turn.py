"""A model's turn that is written in several goes, with one seed for each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from z1ray.engine.program import Generate
from z1ray.evaluation.traces import Trace
from z1ray.records import request_seed
from z1ray.window import Window


@dataclass(frozen=True, slots=True)
class Turn:
    """One sample of one question.

    Attributes:
        name: What seeds are drawn from: problem and sample.
        prompt: Token ids, ending where the turn begins.
        sampling: Arguments of vLLM's ``SamplingParams`` that all goes share.
        seed: The evaluation's seed.
        ends: Tokens that end a turn.
        breaks: Tokens that end a line.
        context: Tokens that prompt and turn may have together.
        generate: The engine.
        lengths: Tokens that each go generated; filled in as they come.
    """

    name: str
    prompt: Sequence[int]
    sampling: Mapping[str, Any]
    seed: int
    ends: frozenset[int]
    breaks: frozenset[int]
    context: int
    generate: Generate
    lengths: list[int] = field(default_factory=list)

    @property
    def room(self) -> int:
        """Tokens that the context leaves for the turn."""
        return self.context - len(self.prompt)

    async def write(
        self, written: Sequence[int], limit: int, seeded: str = "", stops: Collection[int] = ()
    ) -> tuple[int, ...]:
        """Go on after the tokens ``written``.

        Args:
            written: The turn so far; what is put in stands in it.
            limit: Tokens to generate at most, 1 or more.
            seeded: Tells this go's seed from that of the turn's others.
            stops: Tokens after which to stop, besides those that end the turn.
        """
        assert limit > 0, "there is nothing to generate"
        sampling: dict[str, Any] = {
            **self.sampling,
            "max_tokens": limit,
            "seed": request_seed(self.seed, self.name + seeded),
            # Texts are made from the whole turn.
            "detokenize": False,
        }
        if stops:
            sampling["stop_token_ids"] = sorted(stops)
        tokens = tuple(await self.generate([*self.prompt, *written], sampling))
        self.lengths.append(len(tokens))
        return tokens

    def has_ended(self, tokens: Sequence[int]) -> bool:
        """Whether the turn ends with these tokens."""
        return bool(tokens) and tokens[-1] in self.ends

    def trace(self, tokens: Sequence[int]) -> Trace:
        """The tokens of a turn in which nothing is put in."""
        return Trace(tokens, self.has_ended(tokens))

    async def think(self, trace: Trace, num_tokens: int) -> Trace:
        """Carry a trace on to so many tokens, unless it ends before."""
        if trace.reaches(num_tokens):
            return trace
        start = len(trace.token_ids)
        # The first go takes the same draws whatever its length.
        more = await self.write(trace.token_ids, num_tokens - start, f"#from {start}" if start else "")
        return self.trace((*trace.token_ids, *more))

    async def think_to_cut(self, trace: Trace, window: Window) -> Trace:
        """Carry a trace on to where a window with a cap cuts it: to its budget, with grace to the end of the line."""
        trace = await self.think(trace, window.budget)
        if trace.is_cut_by(window, self.breaks):
            return trace
        start = len(trace.token_ids)
        left = window.budget + window.grace_tokens - start
        more = await self.write(trace.token_ids, left, f"#from {start}", self.breaks)
        return self.trace((*trace.token_ids, *more))
