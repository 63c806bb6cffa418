"""One choice of a response: its tokens, its text, and where thinking, hint and answer begin in both.

Counts come from the generated token ids, never from text; while the ids are at
hand they also prove the cut, so that a run past its budget without the hint
raises ``CapBroken`` rather than being reported as cut. A whole response and a
stream go through the same code, in one piece or in many, so that they end up
with the same text and the same offsets.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass

from z1ray.serving.window.request import DEFAULT
from z1ray.window import Accounting, Window, account

# What a tokenizer writes for the bytes of a character it has not all of.
_BROKEN = "\N{REPLACEMENT CHARACTER}"
# A tokenizer may drop one leading space when it decodes out of context.
_SLACK = 1


class CapBroken(RuntimeError):
    """The engine ran past a thinking budget without writing the hint."""


@dataclass(frozen=True, slots=True)
class OutputSpec:
    """How to decode the generated tokens of a request, and where to divide them.

    Attributes:
        window: The window it runs under.
        breaks: Tokens that end a line (``z1ray.engine.tokens.newline_token_ids``).
        decode: Token ids to text, as the engine decodes them.
        answer_only: Whether the client wants only what follows the hint.
        constrained: Whether a grammar shapes the text: a run that is not cut is all answer then.
        beginning: The first tokens of every run, which the engine got with the prompt and does not return.
        num_prompts: How many prompts the request has.
        bounded_by: What set the window's budget, as the client is told.
    """

    window: Window
    breaks: Container[int]
    decode: Callable[[Sequence[int]], str]
    answer_only: bool
    constrained: bool = False
    beginning: tuple[int, ...] = ()
    num_prompts: int = 1
    bounded_by: str = DEFAULT

    def count(self, token_ids: Sequence[int]) -> Accounting:
        """Divide a run's tokens, ended or not."""
        counts = account(self.window, token_ids, self.breaks)
        return counts if counts.cut or not self.constrained else Accounting(0, 0, len(token_ids), cut=False)


@dataclass(frozen=True, slots=True)
class Division:
    """Where the window divided a finished run.

    Attributes:
        counts: Its tokens.
        hint_start, answer_start: Offsets in the text passed on, in characters (code
            points). Without a cut, and where the client gets the answer only, they are
            None and 0.
    """

    counts: Accounting
    hint_start: int | None
    answer_start: int


class Transcript:
    """Collects one run from the engine, piece by piece, and decides which text the client gets."""

    def __init__(self, spec: OutputSpec) -> None:
        self._spec = spec
        self.token_ids: list[int] = []
        self._text = ""
        self._num_passed_on = 0
        self._thinking_end: int | None = None  # least number of characters before the hint, once the run is cut
        self._num_broken = 0  # remains of a character that are still to be left out
        self._hint = ""

    def add(self, text: str, token_ids: Sequence[int]) -> str:
        """Take the next piece of the run; returns the text to pass on."""
        self.token_ids.extend(token_ids)
        if self._thinking_end is None:
            self._look_for_cut()
        self._text += self._whole(text)
        return self._pass_on(self._shown_from())

    def finish(self) -> tuple[str, Division]:
        """The rest of the text to pass on, and how the run was divided.

        Raises:
            CapBroken: If the run is past its budget without the hint.
        """
        counts = measure(self._spec.window, self.token_ids, self._spec.breaks)
        if not counts.cut:
            return self._pass_on(0), Division(self._spec.count(self.token_ids), None, 0)
        return "", Division(counts, *((None, 0) if self._spec.answer_only else self._offsets()))

    def _look_for_cut(self) -> None:
        cut_at = self._spec.window.cut_position(self.token_ids, self._spec.breaks)
        if cut_at is None:
            return
        thinking = self._spec.decode(self.token_ids[:cut_at])
        # A cut inside a character leaves bytes that mean nothing: they are left out. A tokenizer that falls
        # back to bytes writes one sign for each of them.
        whole = thinking.rstrip(_BROKEN)
        self._num_broken = len(thinking) - len(whole)
        self._thinking_end = max(0, len(whole) - _SLACK)
        self._hint = self._spec.decode(self._spec.window.hint)

    def _whole(self, text: str) -> str:
        """The text without the remains of a character that the cut fell into."""
        if not self._num_broken or self._thinking_end is None:
            return text
        start = text.find(_BROKEN, max(0, self._thinking_end - len(self._text)))
        if start < 0:
            return text
        after = text[start:]
        num_dropped = min(self._num_broken, len(after) - len(after.lstrip(_BROKEN)))
        self._num_broken -= num_dropped
        return text[:start] + after[num_dropped:]

    def _offsets(self) -> tuple[int, int]:
        """Where the hint and what follows it start; a run may have ended inside the hint."""
        assert self._thinking_end is not None
        hint = self._hint
        start = next(
            position
            for position in range(min(self._thinking_end, len(self._text)), len(self._text) + 1)
            if self._text[position : position + len(hint)] == hint[: len(self._text) - position]
        )
        return start, min(start + len(hint), len(self._text))

    def _shown_from(self) -> int | None:
        """First character the client gets to see; None while that cannot be told."""
        if not self._spec.answer_only:
            return 0
        if self._thinking_end is None:
            return None
        start, end = self._offsets()
        return end if end - start == len(self._hint) else None

    def _pass_on(self, shown_from: int | None) -> str:
        if shown_from is None:
            return ""
        start = max(shown_from, self._num_passed_on)
        self._num_passed_on = max(start, len(self._text))
        return self._text[start:]


def measure(window: Window, token_ids: Sequence[int], breaks: Container[int]) -> Accounting:
    """Divide a run's tokens, and check that a cut run holds the hint exactly where it was cut.

    Raises:
        CapBroken: If it does not.
    """
    counts = account(window, token_ids, breaks)
    cut_at = counts.thinking_tokens
    found = tuple(token_ids[cut_at : cut_at + counts.hint_tokens])
    if found != window.hint[: counts.hint_tokens]:
        raise CapBroken(
            f"thinking budget {window.budget}: the tokens after it are {list(found)}, not the hint {list(window.hint)}"
        )
    return counts
