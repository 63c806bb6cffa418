"""Where problems come from: the section used for training problems and for benchmarks."""

from dataclasses import dataclass, field
from typing import Any, Literal

from omegaconf import MISSING

from z1ray.errors import UserError

Kind = Literal["leetcode", "humaneval", "reasoning_gym", "hub", "jsonl", "parquet"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """One source of problems.

    Attributes:
        kind: ``leetcode``, ``humaneval`` and ``reasoning_gym`` come with installed
            packages; ``hub`` is a Hugging Face dataset; ``jsonl`` and ``parquet`` are files.
        name: What the rows are called in ids and reports; the kind (and task) if unset.
        path: Hub dataset name; or path, glob or URL of files on this machine or on any file
            system that pyarrow or fsspec knows (``s3://bucket/data/*.jsonl.gz``); only for hub,
            jsonl and parquet.
        split: Split of a hub dataset.
        task: Task name; only for reasoning_gym.
        options: The task's own settings where its defaults are too hard or too easy,
            e.g. ``{min_terms: 2, max_terms: 2}``; only for reasoning_gym.
        difficulty: Keep only these (easy, medium, hard); all if empty.
        columns: Maps our field names (``question``, ``problem_id``, ``entry_point``,
            ``difficulty``, ``tests``) to the source's column names where they differ.
        limit: Take this many problems, chosen by ``seed``, which reads the source twice; all
            if unset (reasoning_gym is endless and needs one).
        seed: Seed of the choice (and of the procedural tasks).
    """

    kind: Kind = MISSING
    name: str | None = None
    path: str | None = None
    split: str = "train"
    task: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    difficulty: list[str] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)
    limit: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind in {"hub", "jsonl", "parquet"} and not self.path:
            raise UserError("path", self.path, f"a {self.kind} source needs one", "name the dataset or the file")
        if self.kind == "reasoning_gym" and (not self.task or self.limit is None):
            raise UserError(
                "task, limit",
                (self.task, self.limit),
                "reasoning_gym needs a task and a limit",
                "set both, e.g. task: basic_arithmetic, limit: 32",
            )
        if self.kind != "reasoning_gym" and self.options:
            raise UserError("options", self.options, f"a {self.kind} source has none", "leave them out")
        if self.limit is not None and self.limit < 1:
            raise UserError(
                "limit", self.limit, "a source gives at least one problem", "set it to 1 or more, or leave it out"
            )
        unknown = set(self.difficulty) - {"easy", "medium", "hard"}
        if unknown:
            raise UserError("difficulty", sorted(unknown), "unknown difficulty", "use easy, medium, hard")

    @property
    def label(self) -> str:
        """The name of the rows: ``name``, else the task, else the kind."""
        return self.name or self.task or self.kind
