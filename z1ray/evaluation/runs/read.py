"""Finished runs, read for comparison: their rows, and the settings that decide what came out."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.records import Row, read_rows

ROWS = "rows.parquet"


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run.

    Attributes:
        name: As short a name as tells it from the other runs: its folder's, with parents where they are needed.
        folder: The run's folder.
        rows: Graded rows of ``EVALUATION_ROW``.
        manifest: The evaluation's manifest.
        settings: What decides the output, as dotted keys that begin with the stage's name.
    """

    name: str
    folder: Path
    rows: list[Row]
    manifest: dict[str, Any]
    settings: dict[str, Any]


def read_runs(folders: Sequence[Path]) -> list[Run]:
    """Read runs.

    Raises:
        UserError: For a folder that is no finished run, or one that is named twice.
    """
    resolved = [folder.resolve() for folder in folders]
    for folder, given in zip(resolved, folders, strict=True):
        if resolved.count(folder) > 1:
            raise UserError("RUN", str(given), "the run is named twice", "name each run once")
        _require_finished(folder, given)
    names = short_names(resolved)
    return [_read(name, folder) for name, folder in zip(names, resolved, strict=True)]


def short_names(folders: Sequence[Path]) -> list[str]:
    """The last parts of each path, as many as it takes for all to differ; no path may be given twice."""
    num = 1
    while len({folder.parts[-num:] for folder in folders}) < len(folders):
        num += 1
    return ["/".join(folder.parts[-num:]) for folder in folders]


def differences(runs: Sequence[Run]) -> dict[str, list[Any]]:
    """The settings in which runs differ, by dotted key, with each run's value; None where it is not set."""
    keys = sorted({key for run in runs for key in run.settings})
    values = {key: [run.settings.get(key) for run in runs] for key in keys}
    return {key: some for key, some in values.items() if any(value != some[0] for value in some)}


def _require_finished(folder: Path, given: Path) -> None:
    evaluation = folder / "evaluation"
    if not folder.is_dir():
        raise UserError("RUN", str(given), "there is no such folder", "name the folder of a run, e.g. runs/miniature")
    if not (evaluation / artifacts.MANIFEST).exists() or not (evaluation / ROWS).exists():
        missing = artifacts.MANIFEST if (evaluation / ROWS).exists() else ROWS
        raise UserError(
            "RUN",
            str(given),
            f"it is no finished run: evaluation/{missing} is not there",
            "name the folder of a run (not of one of its stages), and finish it with jobs/evaluate.py first",
        )


def _read(name: str, folder: Path) -> Run:
    settings: dict[str, Any] = {}
    for stage in artifacts.FOLDERS.values():
        if (folder / stage / artifacts.BEGUN).exists():
            values = artifacts.begun_settings(folder / stage)
            settings |= {f"{stage}.{key}": value for key, value in values.items()}
    evaluation = folder / "evaluation"
    return Run(name, folder, read_rows(evaluation / ROWS), artifacts.manifest(evaluation), settings)
