"""Why requests ended without a text: errors that differ only in details are one reason."""

import re

_NUMBER = re.compile(r"[0-9]+")


def reason(error: str) -> str:
    """The kind of an error, the same for all rows that share it.

    An error of generation reads ``kind: details``. One of a source begins with the row it
    comes from, which is left out; one of an engine with the exception's name, which is kept.
    """
    kind, _, details = error.partition(": ")
    if not details or not (_NUMBER.search(kind) or kind.isidentifier()):
        return kind
    message = _NUMBER.sub("N", details.splitlines()[0])[:100]
    return message if _NUMBER.search(kind) else f"{kind}: {message}"
