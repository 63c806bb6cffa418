"""Where things lie in a curation folder, and what the row-wise phases share."""

from dataclasses import dataclass
from pathlib import Path

from z1ray.curation.benchmark import Index
from z1ray.curation.config import CurateConfig
from z1ray.curation.text.sketch import Bands

DIFFICULTIES = (None, "easy", "medium", "hard")


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders of a curation.

    Args:
        output: The stage's folder.
    """

    output: Path

    @property
    def data(self) -> Path:
        """The dataset: ``train-*.parquet`` and ``dropped-*.parquet``."""
        return self.output / "data"

    @property
    def work(self) -> Path:
        """What the phases leave for each other; removed when the stage has finished."""
        return self.output / "work"

    def phase(self, name: str) -> Path:
        """A folder of one phase's files, one per unit."""
        return self.work / name


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What every task of the row-wise phases needs.

    Attributes:
        layout: Where to read and write.
        config: The stage's settings.
        index: Runs of words of the benchmarks.
        question_bands, response_bands: How signatures are cut.
    """

    layout: Layout
    config: CurateConfig
    index: Index
    question_bands: Bands
    response_bands: Bands
