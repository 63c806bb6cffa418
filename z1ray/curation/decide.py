"""The decisions that look at all rows together, on the numbers the row-wise phases left."""

import numpy as np
import pyarrow.dataset as ds

from z1ray.curation import store
from z1ray.curation.config import PerProblem
from z1ray.curation.decontaminate import RESPONSE, Contamination, Found, judge
from z1ray.curation.layout import DIFFICULTIES, Shared
from z1ray.curation.repeats import Items, find_repeats
from z1ray.curation.rows import NOT_PASSED, NOT_RUN, PASSED, Rows
from z1ray.curation.select import cells, select, tokens_short
from z1ray.curation.text.words import Array
from z1ray.curation.verify import NO_TESTS
from z1ray.errors import UserError
from z1ray.progress import say


def mark_contaminated(rows: Rows, shared: Shared) -> Contamination:
    """Drop the rows whose problem or response shares text with a benchmark."""
    layout = shared.layout
    asked = store.read_columns(layout.phase("question-hits"), ("problem", "gram", "field"))
    said = store.read_columns(layout.phase("hits"), ("problem", "row", "gram"))
    said_usable = rows.kept[said["row"]]
    said = {name: values[said_usable] for name, values in said.items()}
    # Problems without a row that could be kept count for nothing.
    live = np.isin(asked["problem"], rows.problem[rows.kept])
    asked = {name: values[live] for name, values in asked.items()}
    found = Found(
        problems=np.concatenate([asked["problem"], said["problem"]]),
        rows=np.concatenate([np.full(len(asked["problem"]), -1, dtype=np.int64), said["row"]]),
        grams=np.concatenate([asked["gram"], said["gram"]]),
        fields=np.concatenate([asked["field"], np.full(len(said["row"]), RESPONSE, dtype=np.int8)]),
    )
    verdict = judge(found, shared.index, shared.config.contamination_common)
    by_problem = np.full(int(rows.problem.max()) + 1, -1, dtype=np.int64)
    known = verdict.problems < len(by_problem)
    by_problem[verdict.problems[known]] = verdict.problem_grams[known]
    grams = by_problem[rows.problem]
    alone = verdict.rows[grams[verdict.rows] < 0]
    grams[alone] = verdict.row_grams[np.isin(verdict.rows, alone)]
    hit = np.flatnonzero((grams >= 0) & rows.kept)
    rows.gram[hit] = grams[hit]
    rows.drop(hit, "contaminated")
    return verdict


def to_verify(rows: Rows) -> Array:
    """Numbers of the rows whose tests are to be run."""
    return np.flatnonzero(rows.kept & rows.has_tests)


def mark_verified(rows: Rows, checked: Array, shared: Shared) -> None:
    """Record the verdicts on the rows ``checked``; with ``keep: verified`` drop what did not pass."""
    if shared.config.verify:
        rows.set_verdict(np.flatnonzero(rows.kept & ~rows.has_tests), NO_TESTS)
    if len(checked):
        folder = shared.layout.phase("verdicts")
        table = ds.dataset(folder, format="parquet").to_table(columns=["row", "verified", "verdict"])
        number = table["row"].to_numpy()
        assert np.array_equal(np.sort(number), checked), "a check was lost or doubled"
        rows.verified[number] = table["verified"].to_numpy()
        verdict = table["verdict"].to_numpy()
        for name in np.unique(verdict):
            rows.set_verdict(number[verdict == name], str(name))
    if shared.config.keep == "verified":
        rows.drop(np.flatnonzero(rows.verified == NOT_PASSED), "tests_failed")
        rows.drop(np.flatnonzero(rows.verified == NOT_RUN), "unverified")


def mark_repeated_questions(rows: Rows, shared: Shared, starts: Array) -> Array:
    """Find problems that ask the same; drop all but one per mode if so asked. Returns each row's question."""
    config, layout, order = shared.config, shared.layout, rows.order()
    kept = np.flatnonzero(rows.kept)
    exact = store.read_columns(layout.phase("questions"), ["exact"])["exact"]
    best = np.full(len(exact), len(rows), dtype=np.int64)
    np.minimum.at(best, rows.problem[kept], order[kept])
    members = np.flatnonzero(best < len(rows))
    items = Items(
        name="questions",
        keys=layout.phase("questions"),
        shingles=layout.phase("question-shingles"),
        starts=starts,
        work=layout.phase("repeats"),
        num_bands=shared.question_bands.num,
        similarity=config.question_similarity,
        parallelism=config.parallelism,
    )
    found = find_repeats(items, members, np.zeros(len(members), dtype=np.int64), exact[members], best[members])
    question = np.arange(len(exact))
    question[list(found)] = list(found.values())
    same = question[rows.problem]
    if config.duplicate_questions == "drop":
        _keep_one_problem(rows, kept, same, order)
    return same


def _keep_one_problem(rows: Rows, kept: Array, same: Array, order: Array) -> None:
    """Of the problems that ask the same, each mode keeps the one with the best row."""
    key = same[kept] * len(rows.modes) + rows.mode[kept]
    ranked = kept[np.lexsort((order[kept], key))]
    ranked_key = same[ranked] * len(rows.modes) + rows.mode[ranked]
    fresh = np.concatenate([[True], ranked_key[1:] != ranked_key[:-1]]) if len(ranked) else np.empty(0, dtype=bool)
    first = ranked[np.maximum.accumulate(np.where(fresh, np.arange(len(ranked)), 0))]
    other = rows.problem[ranked] != rows.problem[first]
    rows.duplicate_of[ranked[other]] = first[other]
    rows.drop(ranked[other], "duplicate_question")


def mark_repeated_responses(rows: Rows, question: Array, shared: Shared, starts: Array) -> None:
    """Drop the rows whose response repeats another to the same question."""
    layout, config = shared.layout, shared.config
    members = np.flatnonzero(rows.kept)
    items = Items(
        name="responses",
        keys=layout.phase("rows"),
        shingles=layout.phase("shingles"),
        starts=starts,
        work=layout.phase("repeats"),
        num_bands=shared.response_bands.num,
        similarity=config.duplicate_similarity,
        parallelism=config.parallelism,
    )
    found = find_repeats(items, members, question[members], rows.exact[members], rows.order()[members])
    rows.duplicate_of[list(found)] = list(found.values())
    rows.drop(np.array(list(found), dtype=np.int64), "duplicate")
    # Of a row that took a repeated question's place and then repeats another one, that one stays.
    behind = np.flatnonzero(rows.duplicate_of >= 0)
    first = rows.duplicate_of[behind]
    rows.duplicate_of[behind] = np.where(rows.duplicate_of[first] >= 0, rows.duplicate_of[first], first)


def mark_chosen(rows: Rows, shared: Shared) -> None:
    """Drop all but one row of each problem, as ``per_problem`` says; called where only verified rows are kept."""
    if shared.config.per_problem != "all":
        kept = np.flatnonzero(rows.kept)
        chosen = choose_one(rows, kept, shared.config.per_problem)
        rows.drop(np.setdiff1d(kept, chosen), "not_chosen")


def choose_one(rows: Rows, kept: Array, which: PerProblem) -> Array:
    """Numbers of the rows that stay, one a problem.

    Args:
        rows: All rows; the pass rate of a problem's mode counts those that are dropped for other reasons too.
        kept: Numbers of the rows to choose from.
        which: ``shortest`` of the mode with the highest pass rate, or ``longest`` of all.
    """
    num_tokens = rows.num_tokens[kept]
    first_by = (-num_tokens,) if which == "longest" else (num_tokens, -_pass_rate(rows)[kept])
    best = np.lexsort((rows.ranks[kept], *first_by, rows.problem[kept]))
    _, first = np.unique(rows.problem[kept[best]], return_index=True)
    chosen: Array = kept[best[first]]
    return chosen


def _pass_rate(rows: Rows) -> Array:
    """Of each row: the share that passed of what its problem's mode wrote and was checked."""
    group = rows.problem * len(rows.modes) + rows.mode
    passed = np.bincount(group, rows.verified == PASSED)
    checked = np.bincount(group, rows.verified != NOT_RUN)
    rate: Array = (passed / np.maximum(checked, 1))[group]
    return rate


def mark_selected(rows: Rows, shared: Shared) -> None:
    """Drop what does not fit into the token budget."""
    config = shared.config
    if config.token_budget is None:
        return
    names = [name or "none" for name in DIFFICULTIES]
    if unknown := sorted(set(config.quotas.mode) - set(rows.modes)):
        raise UserError("curate.quotas.mode", unknown, "no row has this mode", f"there are: {', '.join(rows.modes)}")
    kept = np.flatnonzero(rows.kept)
    parts = list(cells(config.quotas, config.token_budget, rows.mode[kept], rows.modes, rows.difficulty[kept], names))
    if missing := tokens_short(rows.num_tokens[kept], parts):
        say(
            f"curate: WARNING: what is left falls {missing} tokens short of curate.token_budget={config.token_budget} "
            "or of its quotas; use more trajectories, or lower the budget of all that are compared"
        )
    chosen = select(rows.num_tokens[kept], rows.ranks[kept], rows.random[kept], parts, config.selection, config.seed)
    rows.drop(kept[~chosen], "over_token_budget")
