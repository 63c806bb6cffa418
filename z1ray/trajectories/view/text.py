"""A trajectory's parts as text for people, safe to print: a model may write anything."""

import json
import unicodedata

from z1ray.records import Row

# Marks that reorder or break lines; the others of their category join letters and emoji.
_HIDDEN = set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def printable(text: str) -> str:
    r"""Text with every control character but line breaks and tabs spelled out, as in ``\x1b``."""
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text)


def token_counts(row: Row) -> str:
    """Prompt and output tokens, as far as they are known."""
    counts = {"prompt": row["num_prompt_tokens"], "output": row["num_tokens"]}
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count is not None) or "not counted"


def sampling_text(row: Row) -> str:
    """Sampling parameters as ``name value``; those of trajectories from elsewhere are not known."""
    params = json.loads(row["sampling"] or "{}")
    return ", ".join(f"{name} {value}" for name, value in params.items()) or "not known"


def _is_harmless(char: str) -> bool:
    return char in "\n\t" or (unicodedata.category(char) != "Cc" and char not in _HIDDEN)
