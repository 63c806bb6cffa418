"""Lessons as token ids and labels, in batches of like length."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from z1ray.miniature.held_out import Terms
from z1ray.miniature.lessons import Lesson, draw
from z1ray.miniature.tokenizer import END
from z1ray.prompts import chat_messages
from z1ray.training.data.tokenize import IGNORE_INDEX
from z1ray.window import CODE_HINT

_POOL = 32  # batches drawn together and sorted by length


class Encoded(NamedTuple):
    """Token ids of one lesson, and the same with IGNORE_INDEX where nothing is learnt."""

    input_ids: list[int]
    labels: list[int]


def encode(tokenizer: Any, lesson: Lesson, rng: random.Random) -> Encoded:
    """A lesson's sequence. The prompt is not learnt, and of a cut lesson nothing up to the hint's end.

    A cut falls on any token of the steps, as a thinking budget does.
    """
    messages = chat_messages(lesson.question, lesson.system_prompt)
    given = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    steps, answer = tokenizer.encode(lesson.steps), tokenizer.encode(lesson.answer)
    end = [tokenizer.convert_tokens_to_ids(END)]
    if lesson.manner == "cut":
        given = given + steps[: rng.randrange(len(steps))] + tokenizer.encode(CODE_HINT)
        learnt = answer + end
    else:
        learnt = steps + answer + end
    return Encoded(given + learnt, [IGNORE_INDEX] * len(given) + learnt)


def batches(
    tokenizer: Any, batch_size: int, seed: str, held_out: frozenset[Terms]
) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
    """Endless batches of fresh lessons, padded on the right: input ids and labels, each [batch_size, longest]."""
    rng = random.Random(seed)
    while True:
        pool = [encode(tokenizer, draw(rng, held_out), rng) for _ in range(_POOL * batch_size)]
        pool.sort(key=lambda one: len(one.input_ids))
        starts = list(range(0, len(pool), batch_size))
        rng.shuffle(starts)
        for start in starts:
            batch = pool[start : start + batch_size]
            ids = padded([one.input_ids for one in batch], tokenizer.pad_token_id)
            yield ids, padded([one.labels for one in batch], IGNORE_INDEX)


def padded(rows: Sequence[list[int]], filler: int) -> list[list[int]]:
    """Rows of one length, filled up on the right."""
    longest = max(map(len, rows))
    return [row + [filler] * (longest - len(row)) for row in rows]
