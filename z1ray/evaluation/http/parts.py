"""Answered rows in Parquet parts, written every few seconds while answers come in."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pyarrow.parquet as pq

from z1ray.files import writing
from z1ray.records import EVALUATION_ROW, Row, write_rows

# A kill loses the answers of so many seconds, and no more.
_EVERY_S = 2.0


def kept(folder: Path) -> list[Row]:
    """All rows of a folder's parts."""
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def kept_ids(folder: Path) -> set[str]:
    """Ids of all rows of a folder's parts."""
    columns = [pq.read_table(path, columns=["row_id"])["row_id"].to_pylist() for path in folder.glob("*.parquet")]
    return {row_id for ids in columns for row_id in ids}


@asynccontextmanager
async def keeping(folder: Path) -> AsyncIterator[Callable[[Row], None]]:
    """A function that takes a row to be kept in the folder; what it was given is written when the block ends.

    Raises:
        UserError: If the folder cannot be written.
    """
    waiting: list[Row] = []
    saver = asyncio.create_task(_save_regularly(waiting, folder))

    def keep(row: Row) -> None:
        if saver.done():
            # Only an error ends it, and going on would pay for answers that cannot be kept.
            saver.result()
        waiting.append(row)

    try:
        yield keep
    finally:
        saver.cancel()
        with suppress(asyncio.CancelledError):
            await saver
        _save(waiting, folder)


async def _save_regularly(waiting: list[Row], folder: Path) -> None:
    while True:
        await asyncio.sleep(_EVERY_S)
        _save(waiting, folder)


def _save(waiting: list[Row], folder: Path) -> None:
    if waiting:
        last = max((int(path.stem) for path in folder.glob("*.parquet")), default=-1)
        with writing(folder):
            write_rows(waiting, folder / f"{last + 1:06d}.parquet", EVALUATION_ROW)
        waiting.clear()
