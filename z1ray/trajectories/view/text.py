"""A trajectory's parts as text for people."""

import json

from z1ray.records import Row


def token_counts(row: Row) -> str:
    """Prompt and output tokens, as far as they are known."""
    counts = {"prompt": row["num_prompt_tokens"], "output": row["num_tokens"]}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count is not None) or "not counted"


def sampling_text(row: Row) -> str:
    """Sampling parameters as ``name value``; those of trajectories from elsewhere are not known."""
    params = json.loads(row["sampling"] or "{}")
    return ", ".join(f"{name} {value}" for name, value in params.items()) or "not known"
