"""The small steps of curation on Example rows: starting them, dropping some, counting them.

A dropped row stays in the list with its reason; nothing is ever removed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from z1ray.curation.untag import untag
from z1ray.records import Row


def start(trajectories: Sequence[Row], questions: Mapping[str, str]) -> list[Row]:
    """Trajectories as Example rows: tags removed, all kept so far.

    Args:
        trajectories: Trajectory rows.
        questions: Questions by problem id; must hold every problem of the trajectories.
    """
    fresh = {
        "verified": None,
        "verdict": None,
        "kept": True,
        "drop_reason": None,
        "duplicate_of": None,
        "contaminated_by": None,
    }
    return [
        {**row, "text": row["text"] and untag(row["text"]).text, "question": questions[row["problem_id"]], **fresh}
        for row in trajectories
    ]


def kept(rows: Sequence[Row]) -> list[Row]:
    """The rows not dropped so far."""
    return [row for row in rows if row["kept"]]


def record(rows: Sequence[Row], facts: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """The rows with the columns that ``facts`` holds for their ids replaced."""
    return [{**row, **facts.get(row["trajectory_id"], {})} for row in rows]


def drop(rows: Sequence[Row], reasons: Mapping[str, str]) -> list[Row]:
    """The rows with those named in ``reasons``, by id, marked as dropped; the first reason stays."""
    return [
        {**row, "kept": False, "drop_reason": reasons[row["trajectory_id"]]}
        if row["kept"] and row["trajectory_id"] in reasons
        else row
        for row in rows
    ]


def unusable(rows: Sequence[Row], keep_truncated: bool) -> dict[str, str]:
    """Reasons a row has in itself: ``failed``, ``empty`` or ``truncated``."""
    reasons = {}
    for row in rows:
        if row["error"] is not None:
            reasons[row["trajectory_id"]] = "failed"
        elif not row["text"]:
            reasons[row["trajectory_id"]] = "empty"
        elif row["finish_reason"] == "length" and not keep_truncated:
            reasons[row["trajectory_id"]] = "truncated"
    return reasons


def unproven(rows: Sequence[Row]) -> dict[str, str]:
    """Reasons of rows that did not pass their tests: ``tests_failed``, or ``unverified`` if none were run."""
    return {
        row["trajectory_id"]: "unverified" if row["verified"] is None else "tests_failed"
        for row in rows
        if row["verified"] is not True
    }


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Counts for the manifest; ``num_rows`` is ``num_kept`` and all of ``dropped`` together."""
    chosen = kept(rows)
    verified = Counter({True: "passed", False: "failed", None: "not_run"}[row["verified"]] for row in rows)
    return {
        "num_rows": len(rows),
        "num_kept": len(chosen),
        "num_tokens": sum(row["num_tokens"] for row in chosen),
        "dropped": dict(Counter(row["drop_reason"] for row in rows if not row["kept"]).most_common()),
        "verified": dict(verified),
        "verdicts": dict(Counter(row["verdict"] for row in rows if row["verdict"] is not None).most_common()),
    }
