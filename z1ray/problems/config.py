"""Where problems come from: the section used for training problems and for benchmarks."""

from dataclasses import dataclass
from typing import Any, Literal

from omegaconf import MISSING

from z1ray.errors import UserError
from z1ray.records import DIFFICULTIES
from z1ray.settings import check, setting

Kind = Literal["leetcode", "humaneval", "reasoning_gym", "programs", "hub", "jsonl", "json", "csv", "parquet"]
Layout = Literal[
    "math500",
    "aime",
    "gpqa",
    "evalplus",
    "mbpp",
    "bigcodebench",
    "livecodebench",
    "apps",
    "taco",
    "codecontests",
    "deepcoder",
    "kodcode",
    "humanevalx",
    "leetcode",
    "opencodereasoning",
    "messages",
    "alpaca",
    "s1k",
]
_TABLES = {"hub", "jsonl", "json", "csv", "parquet"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """One source of problems."""

    kind: Kind = setting(
        MISSING,
        "`leetcode`, `humaneval` and `reasoning_gym` come with installed packages; `programs` are generated; `hub` is "
        "a Hugging Face dataset; `jsonl` (an object a line), `json` (an array of objects), `csv` (with a head) and "
        "`parquet` are files.",
    )
    name: str | None = setting(None, "What the rows are called in ids and reports; the kind (and task) if unset.")
    path: str | None = setting(
        None,
        "Hub dataset name; or path, glob or URL of files on this machine or on any file system that pyarrow or "
        "fsspec knows (`s3://bucket/data/*.jsonl.gz`); only for hub and files.",
    )
    configuration: str | None = setting(
        None, "Configuration (subset) of a hub dataset that has several, e.g. `gpqa_diamond`."
    )
    revision: str | None = setting(
        None, "Branch, tag or commit of a hub dataset; a commit names the same rows for ever. The newest if unset."
    )
    split: str = setting("train", "Split of a hub dataset, or of programs (train, test).")
    layout: Layout | None = setting(
        None,
        "The benchmark or problem set whose published columns the rows have; without it they have z1ray's own. Only "
        "for tables: hub and files.",
    )
    format: Layout | None = setting(None, "The same as `layout`, by its other name.", role="operational")
    task: str | None = setting(None, "Task name; only for reasoning_gym.")
    options: dict[str, Any] = setting(
        dict,
        "For reasoning_gym the task's own settings where its defaults are too hard or too easy, e.g. `{min_terms: "
        "2, max_terms: 2}`; for the layout livecodebench `{release: release_v5, since: 2024-08-01, until: "
        "2025-02-01}`, of which the last day is left out.",
    )
    difficulty: list[str] = setting(list, "Keep only these (easy, medium, hard); all if empty.")
    columns: dict[str, str | None] = setting(
        dict,
        "Maps our field names (`question`, `problem_id`, `entry_point`, `difficulty`, `tests`; with a `layout` its "
        "published columns) to the source's column names where they differ. A template over columns may stand for one "
        '(`question: "{instruction} {input}"`), and `null` leaves a column unread (`tests: null`).',
    )
    limit: int | None = setting(
        None,
        "Take this many problems, chosen by `seed`, which reads the source twice; all if unset (reasoning_gym is "
        "endless and needs one). Of a hub dataset they are chosen among the first 10,000 that fit, or 10 times the "
        "limit if that is more, and the rest is not fetched.",
        least=1,
    )
    seed: int = setting(0, "Seed of the choice (and of the procedural tasks, and of the order of GPQA's options).")

    def __post_init__(self) -> None:
        check(self, "")
        self._take_format()
        if self.kind in _TABLES and not self.path:
            raise UserError("path", self.path, f"a {self.kind} source needs one", "name the dataset or the file")
        if self.kind == "programs" and self.limit is None:
            raise UserError("limit", None, "programs are endless", "set it, e.g. limit: 200")
        if self.kind == "reasoning_gym" and (not self.task or self.limit is None):
            raise UserError(
                "task, limit",
                (self.task, self.limit),
                "reasoning_gym needs a task and a limit",
                "set both, e.g. task: basic_arithmetic, limit: 32",
            )
        if self.kind != "reasoning_gym" and self.layout != "livecodebench" and self.options:
            raise UserError("options", self.options, f"a {self.kind} source has none", "leave them out")
        for name, kinds in (("configuration", {"hub"}), ("revision", {"hub"}), ("layout", _TABLES)):
            if getattr(self, name) is not None and self.kind not in kinds:
                raise UserError(name, getattr(self, name), f"a {self.kind} source has none", "leave it out")
        unknown = set(self.difficulty) - set(DIFFICULTIES)
        if unknown:
            raise UserError("difficulty", sorted(unknown), "unknown difficulty", "use easy, medium, hard")

    def _take_format(self) -> None:
        """From here on ``layout`` holds what either name gave."""
        if self.format is not None and self.layout is not None:
            raise UserError("format", self.format, "it is another name of layout, which is set too", "set one of them")
        object.__setattr__(self, "layout", self.format or self.layout)
        object.__setattr__(self, "format", None)

    @property
    def label(self) -> str:
        """The name of the rows: ``name``, else the task, else the layout, else the kind."""
        return self.name or self.task or self.layout or self.kind
