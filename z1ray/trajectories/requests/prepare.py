"""Turns a row of the request table into an engine's input, in the workers.

A question that cannot be asked is marked with an ``error``, ``reason: details``: its row goes
past the engine into quarantine, and the run goes on.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from z1ray.engine.tokens import chat_token_ids
from z1ray.prompts import Message, chat_messages
from z1ray.records import TRAJECTORY, Row, request_seed
from z1ray.trajectories.config import ModeConfig

# C0 and C1 controls but for tab, newline and carriage return: none belongs in a question, most
# come from a wrong decoding, and NUL and escapes harm whoever prints or stores the text later.
# Lone surrogates never come here: no Arrow table holds them, and the sources refuse the row.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Prepare:
    """Makes prompts and sampling for one teacher's requests; pickles into workers.

    Attributes:
        model: The teacher: a folder or a hub name.
        context: Longest sequence in tokens, prompt and output together.
        modes: The teacher's modes by name.
        seed: Seed of the run.
    """

    model: str
    context: int
    modes: Mapping[str, ModeConfig]
    seed: int

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Rows of the request table with ``tokenized_prompt``, ``num_prompt_tokens``, ``sampling`` and ``error``."""
        errors = [row["error"] or question_error(row["question"]) for row in rows]
        sound = [row for row, error in zip(rows, errors, strict=True) if error is None]
        prompts = iter(chat_token_ids(self.model, [self.messages(row) for row in sound]) if sound else [])
        prepared = []
        for row, error in zip(rows, errors, strict=True):
            prompt = next(prompts) if error is None else []
            mode = self.modes[row["mode"]]
            error = error or length_error(len(prompt), mode.max_tokens, self.context)
            prepared.append(
                row
                | {
                    "tokenized_prompt": prompt,
                    "num_prompt_tokens": len(prompt),
                    "sampling": sampling(mode, self.seed, row),
                    "error": error,
                }
            )
        return prepared

    def messages(self, row: Row) -> list[Message]:
        """The conversation a request asks with."""
        return chat_messages(row["question"] or "", self.modes[row["mode"]].system_prompt)

    def trajectory(self, row: Row) -> Row:
        """An answered request as a row of ``TRAJECTORY``."""
        made = {"model": self.model, "messages": self.messages(row)}
        return {name: row.get(name) for name in TRAJECTORY.names} | made


def sampling(mode: ModeConfig, seed: int, row: Row) -> str:
    """Arguments of vLLM's SamplingParams as JSON, with the request's own seed."""
    params = {
        "temperature": mode.temperature,
        "top_p": mode.top_p,
        "max_tokens": mode.max_tokens,
        "seed": request_seed(seed, row["trajectory_id"]),
    }
    return json.dumps(params, sort_keys=True)


def question_error(question: str | None) -> str | None:
    """Why a question cannot be asked; None if it can."""
    if not question or not question.strip():
        return "empty question"
    found = _CONTROL.search(question)
    if found:
        return f"control character: U+{ord(found[0]):04X} at position {found.start()} of the question"
    return None


def length_error(num_prompt_tokens: int, max_tokens: int, context: int) -> str | None:
    """Why a prompt does not fit beside the longest answer; None if it does."""
    if num_prompt_tokens + max_tokens <= context:
        return None
    return f"over the context: {num_prompt_tokens} prompt tokens and max_tokens {max_tokens} of {context}"
