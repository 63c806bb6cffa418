"""A model for tests that is small enough to read: its turn is a script, whatever is asked."""

from collections.abc import Mapping, Sequence
from typing import Any

from z1ray.evaluation.turn import Turn

END = 99
NEWLINE = 50


class Scripted:
    """Goes on in its script after as many tokens as stand behind the prompt.

    Args:
        script: What it writes where nothing was put in, up to and with its end.
        answer: What it writes after tokens that are not its own.
        after: What it writes instead after certain last tokens.
        scripts: Its scripts of one turn after the other, if it begins several.
    """

    prompt = (10, 11)

    def __init__(
        self,
        script: Sequence[int],
        answer: Sequence[int] = (1, 2, END),
        after: Mapping[int, Sequence[int]] | None = None,
        scripts: Sequence[Sequence[int]] = (),
    ) -> None:
        self.script, self.answer, self.after, self.scripts = tuple(script), tuple(answer), after or {}, list(scripts)
        self.asked: list[tuple[tuple[int, ...], Mapping[str, Any]]] = []

    async def __call__(self, prompt: Sequence[int], sampling: Mapping[str, Any]) -> Sequence[int]:
        """One generation."""
        assert tuple(prompt[: len(self.prompt)]) == self.prompt
        written = tuple(prompt[len(self.prompt) :])
        self.asked.append((written, sampling))
        tokens = self._tokens(written)[: sampling["max_tokens"]]
        stops = {END, *sampling.get("stop_token_ids", ())}
        stop = next((index for index, token in enumerate(tokens) if token in stops), len(tokens))
        return list(tokens[: stop + 1])

    def _tokens(self, written: tuple[int, ...]) -> Sequence[int]:
        if not written and self.scripts:
            return self.scripts.pop(0)
        if self.script[: len(written)] == written:
            return self.script[len(written) :]
        return self.after.get(written[-1], self.answer)

    @property
    def limits(self) -> list[int]:
        """Limits of the generations so far."""
        return [sampling["max_tokens"] for _, sampling in self.asked]


def turn(model: Scripted, context: int = 64) -> Turn:
    """A turn of the model's."""
    return Turn("p#0", model.prompt, {}, 0, frozenset({END}), frozenset({NEWLINE}), context, model)
