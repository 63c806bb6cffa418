"""Program of the judging process: symbolic comparison and reasoning_gym's scorers, one job per line.

Started by ``judging``, which feeds it from outside this package's environment: it imports
nothing of z1ray. It reads one JSON object per line from stdin and writes one per line to what
was its stdout: ``{"score": 0.0 to 1.0}``, or ``{"error": ...}`` if the check itself failed.
Each job has a limit of CPU seconds, which ends the process should nobody do it from outside.
"""

import ast
import json
import os
import resource
import sys
from functools import cache
from typing import Any

# What a scorer or a parser can stumble over in a malformed answer: the answer is wrong then.
MALFORMED = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    SyntaxError,
    RecursionError,
    MemoryError,
)


def main() -> None:
    """Answer jobs until stdin ends."""
    memory = int(sys.argv[1])
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    # What libraries print goes nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    import math_verify  # noqa: F401 (its import is no part of an answer's time)

    print("{}", file=replies, flush=True)
    for line in sys.stdin:
        print(json.dumps(_reply(json.loads(line))), file=replies, flush=True)


def _reply(job: dict[str, Any]) -> dict[str, Any]:
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used + job["cpu_s"]) + 2, resource.RLIM_INFINITY))
    try:
        return {"score": _mathematics(job) if job["rule"] == "mathematics" else _task(job)}
    except Exception as error:  # noqa: BLE001 (told to the other side, which makes it a verdict)
        return {"error": f"{type(error).__name__}: {error}"[:500]}


def _mathematics(job: dict[str, Any]) -> float:
    from math_verify import verify

    gold, given = _parsed(job["reference"]), _parsed(job["answer"])
    # What cannot be parsed has already been compared letter by letter.
    right = bool(gold and given) and verify(
        gold, given, timeout_seconds=None, allow_set_relation_comp=True, raise_on_error=False
    )
    return float(right)


def _parsed(latex: str) -> list[Any]:
    r"""The expression of a text without ``$``. Units are off: they would take the ``t`` of ``3t`` for one."""
    from latex2sympy2_extended import NormalizationConfig
    from math_verify import LatexExtractionConfig, parse

    normal = NormalizationConfig(basic_latex=True, units=False, malformed_operators=True, nits=False, boxed="none")
    config = LatexExtractionConfig(boxed_match_priority=-1, normalization_config=normal)
    found: list[Any] = parse(f"${latex}$", [config], fallback_mode="no_fallback", parsing_timeout=None)
    return found


def _task(job: dict[str, Any]) -> float:
    """The best score of a reasoning_gym task for the readings of one answer.

    An entry that cannot be read is no fault of the answer, and raises.
    """
    dataset, entry = _dataset(job["rule"]), ast.literal_eval(job["entry"])
    return max(_score(dataset, answer, entry) for answer in job["answers"])


def _score(dataset: Any, answer: str, entry: dict[str, Any]) -> float:
    try:
        return float(dataset.score_answer(answer, entry))
    except MALFORMED:
        return 0.0


@cache
def _dataset(task: str) -> Any:
    from reasoning_gym import create_dataset

    return create_dataset(task)


if __name__ == "__main__":
    main()
