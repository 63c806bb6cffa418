"""What the manifest says of a dataset: the whole funnel, verdicts, lengths and where it comes from."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from z1ray.curation.layout import DIFFICULTIES
from z1ray.curation.rows import NOT_PASSED, NOT_RUN, PASSED, REASONS, Rows
from z1ray.curation.text.words import Array

_UNLABELED = "unlabeled"
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def summarize(rows: Rows) -> dict[str, Any]:
    """Counts for the manifest; ``num_rows`` is ``num_kept`` and all of ``dropped`` together."""
    kept = rows.kept
    reasons = np.bincount(rows.reason, minlength=len(REASONS))
    dropped = {str(REASONS[code]): int(reasons[code]) for code in np.argsort(-reasons, kind="stable") if code}
    verdicts = np.bincount(rows.verdict, minlength=len(rows.verdicts))
    edges = [0, *(1 << power for power in range(int(rows.num_tokens.max(initial=0)).bit_length() + 1))]
    return {
        "num_rows": len(rows),
        "num_kept": int(kept.sum()),
        "num_tokens": int(rows.num_tokens[kept].sum(dtype=np.int64)),
        "num_problems": len(np.unique(rows.problem[kept])),
        "dropped": {reason: count for reason, count in dropped.items() if count},
        "funnel": _funnel(rows),
        "verified": {
            name: int((rows.verified == code).sum())
            for name, code in (("passed", PASSED), ("failed", NOT_PASSED), ("not_run", NOT_RUN))
            if (rows.verified == code).any()
        },
        "verdicts": {
            str(rows.verdicts[code]): int(verdicts[code])
            for code in np.argsort(-verdicts, kind="stable")
            if code and verdicts[code]
        },
        "histogram_edges": edges,
        "modes": _groups(rows, rows.mode, rows.modes, edges),
        "difficulties": _groups(rows, rows.difficulty, [name or _UNLABELED for name in DIFFICULTIES], edges),
    }


def _funnel(rows: Rows) -> list[dict[str, Any]]:
    """Rows and tokens left after each reason, in the order in which rows are looked at."""
    left = np.ones(len(rows), dtype=bool)
    funnel = [{"step": "trajectories", "rows": len(rows), "tokens": int(rows.num_tokens.sum(dtype=np.int64))}]
    for code, reason in enumerate(REASONS):
        if reason is not None:
            left &= rows.reason != code
            tokens = int(rows.num_tokens[left].sum(dtype=np.int64))
            funnel.append({"step": reason, "rows": int(left.sum()), "tokens": tokens})
    return funnel


def _groups(rows: Rows, codes: Array, names: Sequence[str], edges: Sequence[int]) -> dict[str, Any]:
    found = {}
    for code, name in enumerate(names):
        own = codes == code
        if own.any():
            found[name] = _lengths(rows.num_tokens[own & rows.kept], edges) | {"num_rows": int(own.sum())}
    return found


def _lengths(num_tokens: Array, edges: Sequence[int]) -> dict[str, Any]:
    """Lengths of kept rows: quantiles are lengths that occur, as in generation's manifest."""
    quantiles: Mapping[str, Any] = {
        name: int(np.quantile(num_tokens, share, method="inverted_cdf")) if len(num_tokens) else None
        for name, share in _QUANTILES.items()
    }
    return {
        "num_kept": len(num_tokens),
        "num_tokens": int(num_tokens.sum(dtype=np.int64)),
        "tokens": {**quantiles, "histogram": np.histogram(num_tokens, bins=edges)[0].tolist()},
    }
