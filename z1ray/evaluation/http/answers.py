"""One endpoint's answers: what is missing is asked for, and every answer is kept soon after it came.

In the endpoint's folder, ``http`` holds the answered rows in Parquet parts, and ``answers.parquet`` every
answer of the sweep. What was answered is not asked again: neither after a kill, nor when budgets, samples or
benchmarks were added.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from z1ray.evaluation.answers import Tokens
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.endpoints import WINDOW_FIELD
from z1ray.evaluation.http.client import Client
from z1ray.evaluation.http.parts import keeping, kept, kept_ids
from z1ray.evaluation.http.read import read_answer, read_hint_tokens
from z1ray.evaluation.http.requests import Ask, asks, body, probe
from z1ray.evaluation.statistics.lines import generated_tokens
from z1ray.records import EVALUATION_ROW, Row, write_rows
from z1ray.rows import watch
from z1ray.window import NO_CAP

_PARTS = "http"
# A mistyped address is told in a quarter of a minute, though a sweep under way waits longer for its server.
_FIRST_RETRIES = 5


@dataclass(frozen=True, slots=True)
class Missing:
    """What an endpoint is still to be asked.

    Attributes:
        name: The endpoint's name.
        asks: Answers that are wanted and not there.
        hint_tokens: Length of each hint in the server's tokens, by hint name.
    """

    name: str
    asks: list[Ask]
    hint_tokens: dict[str, int]


def prepare(
    config: EvaluateConfig, name: str, problems: Mapping[str, list[Row]], folder: Path, *, force: bool
) -> Missing:
    """What is missing of an endpoint's sweep, once its server has shown that it can be asked.

    Args:
        config: The sweep.
        name: The endpoint's name.
        problems: Problem rows by benchmark label.
        folder: The endpoint's folder; it is only read.
        force: What is in the folder is to be removed, so all is missing.

    Raises:
        UserError: If the key is missing, the server cannot be reached or refuses the key or the model, it ignores
            thinking budgets, or has other hints.
    """
    there = set() if force else kept_ids(folder / _PARTS)
    missing = [ask for ask in asks(config, name, problems) if ask.row_id not in there]
    return Missing(name, missing, asyncio.run(_hint_tokens(config, name, missing)) if missing else {})


def answer_over_http(config: EvaluateConfig, missing: Missing, folder: Path) -> Tokens:
    """Ask for what is missing, and write ``answers.parquet``.

    Raises:
        UserError: If the server refuses a request, keeps no budget, or gives no answer; what was answered is kept.
    """
    before = kept_ids(folder / _PARTS)
    if missing.asks:
        with watch("evaluate", f"{missing.name}, http", folder / _PARTS, len(before) + len(missing.asks)):
            asyncio.run(_ask_all(config, missing, folder / _PARTS))
    rows = kept(folder / _PARTS)
    expected = [*before, *(ask.row_id for ask in missing.asks)]
    assert sorted(row["row_id"] for row in rows) == sorted(expected), "a request was lost or answered twice"
    write_rows(rows, folder / "answers.parquet", EVALUATION_ROW)
    spent = sum(map(generated_tokens, rows))
    return Tokens(spent, spent)


async def _hint_tokens(config: EvaluateConfig, name: str, missing: list[Ask]) -> dict[str, int]:
    """The length of each hint that is needed; without any, the server has shown that it is there."""
    endpoint = config.endpoints[name]
    by_hint = {config.hints[ask.benchmark]: ask for ask in missing if ask.budget != NO_CAP}
    async with Client(name, endpoint, min(endpoint.retries, _FIRST_RETRIES)) as client:
        if endpoint.budget_field != WINDOW_FIELD or not by_hint:
            await client.reach()
            return {}
        return {
            hint: read_hint_tokens(config, name, ask, await client.chat(ask.row_id, probe(config, name, ask)))
            for hint, ask in by_hint.items()
        }


async def _ask_all(config: EvaluateConfig, missing: Missing, folder: Path) -> None:
    endpoint = config.endpoints[missing.name]
    left = iter(missing.asks)
    async with Client(missing.name, endpoint, endpoint.retries) as client, keeping(folder) as keep:

        async def work() -> None:
            for ask in left:
                answer = await client.chat(ask.row_id, body(config, missing.name, ask, missing.hint_tokens))
                keep(read_answer(config, missing.name, ask, answer))

        workers = [asyncio.create_task(work()) for _ in range(min(endpoint.concurrency, len(missing.asks)))]
        done, _ = await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
        # After an error nothing more is asked; what is under way is paid for, and kept.
        for _ in left:
            pass
        await asyncio.wait(workers)
    for worker in [*done, *workers]:
        worker.result()
