"""The reference for the window: Z1's two passes, written out.

First everything up to the thinking budget; then, for the runs that did not end,
prompt + first pass + hint as a new prompt. Greedy decoding inside the engine
must give the same tokens. Differs from ``eval/*/reasoning.py`` of
efficientscaling/Z1 in one thing: the second pass gets what is left of
``max_tokens``, not all of it afresh.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from z1ray.window import NO_CAP, Window


@dataclass(frozen=True, slots=True)
class Completion:
    """Generated token ids, and whether the model ended its turn by itself."""

    token_ids: tuple[int, ...]
    ended: bool


# Prompts as token ids and a token limit (None: the engine's own) to one completion each.
Generate = Callable[[Sequence[Sequence[int]], int | None], Sequence[Completion]]


def two_pass(generate: Generate, prompts: Sequence[Sequence[int]], window: Window) -> list[Completion]:
    """Answer each prompt under the window; all prompts share it.

    Args:
        generate: Runs a batch to its end.
        prompts: Token ids, ending where the assistant's turn begins.
        window: Budget, hint and total limit; without grace, which two passes of fixed lengths cannot give.

    Returns:
        One completion per prompt: thinking, hint and answer in one sequence.
    """
    if window.budget == NO_CAP:
        return list(generate(prompts, window.max_tokens))
    assert window.max_tokens is not None
    assert not window.grace_tokens, "a first pass of fixed length cannot wait for the end of a line"
    first = list(generate(prompts, window.budget)) if window.budget else [Completion((), False) for _ in prompts]
    cut = [index for index, completion in enumerate(first) if not completion.ended]
    shown = [first[index].token_ids + window.hint for index in cut]
    continued = [(*prompts[index], *tokens) for index, tokens in zip(cut, shown, strict=True)]
    left = window.max_tokens - window.budget - len(window.hint)
    second = generate(continued, left) if continued else []
    for index, tokens, completion in zip(cut, shown, second, strict=True):
        first[index] = Completion(tokens + completion.token_ids, completion.ended)
    return first
