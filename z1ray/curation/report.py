"""What a finished curation leaves for people beside its rows: contamination report, card, page, upload."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from z1ray.curation.config import CurateConfig
from z1ray.curation.decontaminate import FIELDS, RESPONSE, Contamination
from z1ray.curation.ids import ids_of
from z1ray.curation.layout import Layout, Shared
from z1ray.curation.problems import Problems
from z1ray.curation.rows import REASONS, Rows
from z1ray.curation.text.words import Array
from z1ray.curation.write import DROPPED, TRAIN
from z1ray.errors import UserError
from z1ray.files import replacing

CONTAMINATED = "contaminated.jsonl"
KEPT = "kept"
_NUM_SAMPLES = 12


def require_sources(config: CurateConfig, problems: Path) -> None:
    """Refuse ``sources`` that no problem comes from, before anything runs."""
    if not config.sources:
        return
    with pq.ParquetFile(problems) as file:
        known = {name for batch in file.iter_batches(columns=["source"]) for name in batch["source"].to_pylist()}
    if unknown := sorted(set(config.sources) - known):
        raise UserError(
            "curate.sources",
            unknown,
            f"no problem in {config.trajectories} comes from there",
            f"use some of: {', '.join(sorted(known))}",
        )


def require_tests(config: CurateConfig, problems: Path) -> None:
    """Refuse ``keep: verified`` where no problem has tests, before anything runs."""
    if config.keep != "verified":
        return
    with pq.ParquetFile(problems) as file:
        if any(batch["tests"].null_count < len(batch) for batch in file.iter_batches(columns=["tests"])):
            return
        num_problems = file.metadata.num_rows
    raise UserError(
        "curate.keep",
        config.keep,
        f"none of the {num_problems} problems in {config.trajectories} has tests, so nothing can be verified",
        "set curate.keep=any, or generate from a source whose problems have tests",
    )


def write_contaminated(rows: Rows, found: Contamination, shared: Shared) -> None:
    """One line per contaminated row: the row, the benchmark's problem, where they agree and in which words."""
    numbers = np.flatnonzero(rows.gram >= 0)
    fields = dict(zip(found.problems.tolist(), found.problem_fields.tolist(), strict=True))
    known = np.unique(rows.gram[numbers]).tolist()
    grams = dict(zip(known, shared.index.texts(known), strict=True))
    problems = Problems(shared.layout).column(rows.problem[numbers], "problem_id").to_pylist()
    with (
        replacing(shared.layout.output / CONTAMINATED) as partial,
        partial.open("w", encoding="utf-8") as file,
    ):
        for number, name, problem in zip(numbers.tolist(), ids_of(shared.layout, numbers), problems, strict=True):
            gram = int(rows.gram[number])
            line = {
                "trajectory_id": name,
                "problem_id": problem,
                "contaminated_by": shared.index.problem_ids[shared.index.problem_of[gram]],
                "found_in": FIELDS[fields.get(int(rows.problem[number]), RESPONSE)],
                "shared_words": grams[gram],
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def choose_samples(rows: Rows, starts: Array, layout: Layout) -> dict[str, list[dict[str, str]]]:
    """Ids and files of a few kept rows and of a few rows per drop reason, the same ones every time."""
    samples = {}
    for code, reason in enumerate(REASONS):
        own = np.flatnonzero(rows.reason == code)
        chosen = own[np.lexsort((rows.ranks[own], rows.random[own]))[:_NUM_SAMPLES]]
        units = (np.searchsorted(starts, chosen, side="right") - 1).tolist()
        files = [f"{DROPPED if code else TRAIN}-{unit:05d}.parquet" for unit in units]
        found = zip(ids_of(layout, chosen), files, strict=True)
        if len(chosen):
            samples[reason or KEPT] = [{"trajectory_id": name, "file": file} for name, file in found]
    return samples


def write_reports(layout: Layout, facts: dict[str, Any]) -> None:
    """The dataset card and the page."""
    from z1ray.curation.view.card import write_card
    from z1ray.curation.view.page import write_page

    write_card(layout.output, facts)
    write_page(layout.output, facts)
