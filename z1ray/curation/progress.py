"""What a curation has kept and dropped, told and exported."""

from collections.abc import Mapping

from z1ray.rows import tell

KEPT = "z1ray_curate_kept_rows"
DROPPED = "z1ray_curate_dropped_rows"


def show_result(kept: int, dropped: Mapping[str, int]) -> None:
    """Tell and export what is kept, and what was dropped for which reason."""
    from ray.util.metrics import Gauge

    Gauge(KEPT, "Rows in the dataset.").set(kept)
    by_reason = Gauge(DROPPED, "Rows that were dropped, by reason.", ("reason",))
    for reason, count in dropped.items():
        by_reason.set(count, {"reason": reason})
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in dropped.items()) or "none"
    tell("curate", f"kept {kept:,} of {kept + sum(dropped.values()):,} rows, dropped {reasons}")
