"""The stage trajectories -> dataset.

Writes ``data/examples.parquet``, which holds every trajectory exactly once, kept or with the
reason it was dropped for, and the manifest. Tests and token counts run on the cluster;
the steps that look at all rows together (duplicates, selection) run in the driver, which
therefore holds all texts in memory (1.2 GB at the paper's 107K examples).
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from z1ray import artifacts
from z1ray.connect import connect
from z1ray.curation import steps
from z1ray.curation.config import CurateConfig
from z1ray.curation.decontaminate import find_contaminated
from z1ray.curation.dedupe import find_duplicates
from z1ray.curation.select import select
from z1ray.curation.tokens import count_tokens, load_tokenizer
from z1ray.curation.verify import verify
from z1ray.errors import UserError
from z1ray.grading import bubblewrap
from z1ray.models.lookup import require
from z1ray.problems.load import INSTRUCTIONS, load_problems
from z1ray.progress import say
from z1ray.records import EXAMPLE, Row, read_rows, write_rows

_REMEDIES = {
    "failed": "look at the `error` column of the trajectories and generate them again",
    "empty": "look at the trajectories: the model wrote nothing but tags",
    "truncated": "raise max_tokens of the generation modes, or set curate.keep_truncated=true",
    "contaminated": "train on other problems, or raise curate.contamination_ngram",
    "tests_failed": "set curate.keep=any, or use a better model or more samples per problem",
    "unverified": "set curate.keep=any, or use problems with tests",
    "duplicate": "raise curate.duplicate_similarity, or generate with a higher temperature",
    "over_token_budget": "raise curate.token_budget: the first row alone does not fit into it",
}


def curate(config: CurateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Turn trajectories into a training set; needs a running Ray.

    Returns:
        The manifest: counts per drop reason and verdict, rows and tokens kept.

    Raises:
        UserError: For a missing tokenizer or unfinished trajectories, for ``keep: verified``
            without tests, and if no row is left; the rows are written all the same then.
    """
    started = time.time()
    require("curate.tokenizer", config.tokenizer)
    load_tokenizer(config.tokenizer)
    source = Path(config.trajectories)
    artifacts.manifest(source, "curate.trajectories")
    problems = {row["problem_id"]: row for row in read_rows(source / "problems.parquet")}
    _require_tests(config, problems)
    benchmark = load_problems(config.benchmarks)
    if not artifacts.begin(output, config, {"curate.trajectories": source}, force=force):
        return artifacts.manifest(output)
    connect()
    trajectories = read_rows(source / "data")
    say(f"curate: {len(trajectories)} trajectories")
    examples, sandboxes = curate_rows(trajectories, problems, benchmark, config)
    write_rows(examples, output / "data" / "examples.parquet", EXAMPLE)
    if "limited" in sandboxes:
        say(f"curate: WARNING: untrusted code ran without a sandbox; to protect this machine: {bubblewrap.INSTALL}")
    facts = steps.summary(examples)
    say(f"curate: kept {facts['num_kept']} of {facts['num_rows']}, dropped {_table(facts['dropped'])}")
    _require_kept(config, output, facts)
    return artifacts.finish(output, started, **facts, sandbox=sandboxes)


def curate_rows(
    trajectories: Sequence[Row], problems: Mapping[str, Row], benchmark: Sequence[Row], config: CurateConfig
) -> tuple[list[Row], list[str]]:
    """All steps, in order. Returns the Example rows and the kinds of sandbox that ran tests."""
    rows = steps.start(trajectories, {name: row["question"] for name, row in problems.items()})
    rows = _count(rows, config.tokenizer)
    rows = steps.drop(rows, steps.unusable(rows, config.keep_truncated))
    rows = _decontaminate(rows, benchmark, config.contamination_ngram)
    rows, sandboxes = _verify(rows, problems, config)
    rows = _dedupe(rows, config.duplicate_similarity)
    chosen = select(steps.kept(rows), config.selection, config.token_budget, config.seed)
    left = {row["trajectory_id"] for row in steps.kept(rows)} - chosen
    rows = steps.drop(rows, dict.fromkeys(left, "over_token_budget"))
    assert sorted(_ids(rows)) == sorted(_ids(trajectories)), "a row was lost or doubled"
    assert all(row["kept"] == (row["drop_reason"] is None) for row in rows)
    return rows, sandboxes


def _ids(rows: Sequence[Row]) -> list[str]:
    return [row["trajectory_id"] for row in rows]


def _count(rows: list[Row], tokenizer: str) -> list[Row]:
    counts = count_tokens({row["trajectory_id"]: row["text"] for row in rows if row["text"]}, tokenizer)
    return steps.record(rows, {name: {"num_tokens": count} for name, count in counts.items()})


def _decontaminate(rows: list[Row], benchmark: Sequence[Row], ngram: int) -> list[Row]:
    questions = {row["problem_id"]: row["question"] for row in steps.kept(rows)}
    found = find_contaminated(questions, benchmark, ngram, INSTRUCTIONS)
    hits = {row["trajectory_id"]: found[row["problem_id"]] for row in steps.kept(rows) if row["problem_id"] in found}
    rows = steps.record(rows, {name: {"contaminated_by": problem_id} for name, problem_id in hits.items()})
    return steps.drop(rows, dict.fromkeys(hits, "contaminated"))


def _verify(rows: list[Row], problems: Mapping[str, Row], config: CurateConfig) -> tuple[list[Row], list[str]]:
    results = verify(steps.kept(rows), problems, config.sandbox, config.parallelism)
    sandboxes = sorted({result["sandbox"] for result in results.values() if result["sandbox"] is not None})
    facts = {name: {column: result[column] for column in ("verified", "verdict")} for name, result in results.items()}
    assert set(facts) == set(_ids(steps.kept(rows))), "a check was lost"
    rows = steps.record(rows, facts)
    return (steps.drop(rows, steps.unproven(rows)) if config.keep == "verified" else rows), sandboxes


def _dedupe(rows: list[Row], similarity: float) -> list[Row]:
    ordered = sorted(steps.kept(rows), key=lambda row: str(row["trajectory_id"]))
    found = find_duplicates({row["trajectory_id"]: row["text"] for row in ordered}, similarity)
    rows = steps.record(rows, {name: {"duplicate_of": first} for name, first in found.items()})
    return steps.drop(rows, dict.fromkeys(found, "duplicate"))


def _require_tests(config: CurateConfig, problems: Mapping[str, Row]) -> None:
    if config.keep == "verified" and all(problem["tests"] is None for problem in problems.values()):
        raise UserError(
            "curate.keep",
            config.keep,
            f"none of the {len(problems)} problems in {config.trajectories} has tests, so nothing can be verified",
            "set curate.keep=any, or generate from a source whose problems have tests",
        )


def _require_kept(config: CurateConfig, output: Path, facts: dict[str, Any]) -> None:
    if facts["num_kept"]:
        return
    commonest = next(iter(facts["dropped"]), None)
    remedy = _REMEDIES[commonest] if commonest else "generate some first"
    raise UserError(
        "curate.trajectories",
        config.trajectories,
        f"none of its {facts['num_rows']} trajectories is left: {_table(facts['dropped'])}; "
        f"each row's reason is in {output / 'data' / 'examples.parquet'}",
        f"{remedy}; then run this stage again with --force",
    )


def _table(dropped: Mapping[str, int]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in dropped.items()) or "none"
