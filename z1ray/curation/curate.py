"""The stage trajectories -> dataset.

Phases, each of tasks on Ray Data that leave files; a run that was killed goes on with the tasks
that are missing:

1. problems: into files that any task can look into; their questions as hashes
2. rows: untagged, with question and tokens; their texts as hashes
3. tests: the sandbox, on rows that are neither unusable nor contaminated
4. repeats: questions, then responses to the same question
5. writing: ``data/train-*.parquet`` and ``data/dropped-*.parquet``, every row once

No process holds all texts: tasks read and write them in batches, what travels is numbers, and the
driver decides on some fifty bytes a row.
"""

import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from z1ray import artifacts
from z1ray.connect import connect
from z1ray.curation import clean, decide, known, report, rows, verify
from z1ray.curation.benchmark import Index
from z1ray.curation.config import CurateConfig
from z1ray.curation.ids import order_ids
from z1ray.curation.layout import Layout, Shared
from z1ray.curation.problems import prepare_problems
from z1ray.curation.progress import show_result
from z1ray.curation.summary import summarize
from z1ray.curation.tasks import Work, run_tasks
from z1ray.curation.text.sketch import bands_for
from z1ray.curation.tokens import load_tokenizer
from z1ray.curation.units import Unit, plan_units
from z1ray.curation.view.hub import push
from z1ray.curation.write import write_dataset
from z1ray.errors import UserError
from z1ray.files import remove, writing
from z1ray.grading import bubblewrap
from z1ray.models.lookup import require
from z1ray.problems.load import INSTRUCTIONS, load_problems
from z1ray.progress import say

_PROBLEM_ROWS = 8192

_REMEDIES = {
    "other_source": "name other sources in curate.sources, or none for all",
    "failed": "look at the `error` column of the trajectories and generate them again",
    "empty": "look at the trajectories: the model wrote nothing but tags",
    "truncated": "raise max_tokens of the generation modes, or set curate.keep_truncated=true",
    "contaminated": "train on other problems, or raise curate.contamination_ngram",
    "tests_failed": "set curate.keep=any, or use a better model or more samples per problem",
    "unverified": "set curate.keep=any, or use problems with tests; where a check failed, the log says why",
    "duplicate_question": "set curate.duplicate_questions=merge",
    "duplicate": "raise curate.duplicate_similarity, or generate with a higher temperature",
    "not_chosen": "set curate.per_problem=all",
    "over_token_budget": "raise curate.token_budget: the first row alone does not fit into it",
}


def curate(config: CurateConfig, output: Path, *, force: bool = False) -> dict[str, Any]:
    """Turn trajectories into a training set; needs a running Ray. A run that was killed goes on.

    Returns:
        The manifest: the funnel, counts per drop reason and verdict, lengths, a hash of the content.

    Raises:
        UserError: For a missing tokenizer or unfinished trajectories, for ``keep: verified``
            without tests, and if no row is left; the rows are written all the same then.
    """
    started = time.time()
    require("curate.tokenizer", config.tokenizer)
    load_tokenizer(config.tokenizer)
    source = Path(config.trajectories)
    artifacts.manifest(source, "curate.trajectories")
    report.require_sources(config, source / "problems.parquet")
    report.require_tests(config, source / "problems.parquet")
    known.require_same(config)
    benchmark = load_problems(config.benchmarks)
    if not artifacts.begin(output, config, {"curate.trajectories": source}, force=force):
        return artifacts.manifest(output)
    connect()
    layout = Layout(output.absolute())
    shared = Shared(
        layout=layout,
        config=config,
        index=Index(benchmark, config.contamination_ngram, config.contamination_common, INSTRUCTIONS),
        question_bands=bands_for(config.question_similarity),
        response_bands=bands_for(config.duplicate_similarity),
    )
    with writing(output):
        facts = curate_files(source, shared)
        _require_kept(config, layout, facts)
        report.write_reports(layout, facts)
        manifest = artifacts.finish(output, started, **facts)
        remove(layout.work)
    if config.push_to_hub is not None:
        say(f"curate: uploaded: {push(output, config.push_to_hub)}")
    return manifest


def curate_files(source: Path, shared: Shared) -> dict[str, Any]:
    """All phases, in order. Returns what the manifest says of the dataset."""
    questions = plan_units([(source / "problems.parquet").absolute()], _PROBLEM_ROWS)
    units = plan_units(sorted((source / "data").absolute().glob("*.parquet")))
    _require_rows(shared.config, units)
    _run("problems", questions, partial(prepare_problems, shared=shared), shared)
    _run("ids", [units[0]], lambda _: order_ids(units, shared.layout), shared)
    cleaned = _run("rows", units, partial(clean.clean, shared=shared), shared)
    found = rows.read_numbers(shared.layout)
    contamination = decide.mark_contaminated(found, shared)
    sandboxes = _verify(found, units, shared)
    question = decide.mark_repeated_questions(found, shared, rows.unit_starts(questions))
    decide.mark_repeated_responses(found, question, shared, rows.unit_starts(units))
    decide.mark_chosen(found, shared)
    decide.mark_selected(found, shared)
    content = write_dataset(units, found, shared)
    report.write_contaminated(found, contamination, shared)
    facts = summarize(found)
    show_result(facts["num_kept"], facts["dropped"])
    stayed = sum((Counter[str](each["stayed"]) for each in cleaned), Counter[str]())
    return facts | {
        "content": content,
        "sandbox": sandboxes,
        "tags_that_stayed": dict(stayed.most_common(100)),
        "common_benchmark_runs": contamination.num_common,
        "samples": report.choose_samples(found, rows.unit_starts(units), shared.layout),
    }


def _run(name: str, units: list[Unit], work: Work[Unit], shared: Shared) -> list[dict[str, Any]]:
    return run_tasks(
        name,
        units,
        [unit.name for unit in units],
        work,
        shared.layout.phase(f"done-{name}"),
        sizes=[unit.num_rows for unit in units],
        parallelism=shared.config.parallelism,
    )


def _verify(found: rows.Rows, units: list[Unit], shared: Shared) -> list[str]:
    """Run the tests. Returns the kinds of sandbox they ran in."""
    checked = decide.to_verify(found) if shared.config.verify else decide.to_verify(found)[:0]
    untested = np.setdiff1d(checked, known.take_over(found, checked, shared))
    pieces = verify.plan_pieces(untested, rows.unit_starts(units))
    results = run_tasks(
        "tests",
        pieces,
        [piece.name for piece in pieces],
        partial(verify.check_piece, shared=shared),
        shared.layout.phase("done-tests"),
        sizes=[len(piece.rows) for piece in pieces],
        parallelism=shared.config.parallelism,
    )
    sandboxes = sorted({result["sandbox"] for result in results} | known.sandboxes(shared.config))
    if "limited" in sandboxes:
        say(f"curate: WARNING: untrusted code ran without a sandbox; to protect this machine: {bubblewrap.INSTALL}")
    decide.mark_verified(found, checked, shared)
    return sandboxes


def _require_rows(config: CurateConfig, units: list[Unit]) -> None:
    if not units:
        raise UserError("curate.trajectories", config.trajectories, "there is no row in it", "generate some first")


def _require_kept(config: CurateConfig, layout: Layout, facts: dict[str, Any]) -> None:
    if facts["num_kept"]:
        return
    dropped = facts["dropped"]
    raise UserError(
        "curate.trajectories",
        config.trajectories,
        f"none of its {facts['num_rows']} trajectories is left: "
        f"{', '.join(f'{reason} {count}' for reason, count in dropped.items())}; "
        f"each row's reason is in {layout.data}",
        f"{_REMEDIES[next(iter(dropped))]}; then run this stage again with --force",
    )
