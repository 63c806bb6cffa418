"""Text of models and data sets, made safe to print: either may write anything."""

import unicodedata

# Marks that reorder or break lines; the others of their category join letters and emoji.
_HIDDEN = set("\u061c\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def printable(text: str) -> str:
    r"""Text with every control character but line breaks and tabs spelled out, as in ``\x1b``."""
    return "".join(char if _is_harmless(char) else char.encode("unicode_escape").decode() for char in text)


def _is_harmless(char: str) -> bool:
    return char in "\n\t" or (unicodedata.category(char) != "Cc" and char not in _HIDDEN)
