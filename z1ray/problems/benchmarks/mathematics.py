r"""MATH500 and AIME: a question, and an answer to compare.

MATH500: Lightman et al., "Let's Verify Step by Step", arXiv 2305.20050; 500 problems of MATH (Hendrycks et al.,
arXiv 2103.03874) in the columns ``problem``, ``answer``, ``level`` (1 to 5), ``unique_id``, as
HuggingFaceH4/MATH-500 has them. Answers are compared as mathematics.

AIME: the American Invitational Mathematics Examination (MAA); ``problem``, ``answer`` and maybe ``id``, as in
HuggingFaceH4/aime_2024. Answers are integers from 0 to 999.
"""

import hashlib

from z1ray.grading.answers.integers import integer
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.layout import of_table
from z1ray.problems.values import own_id, refused, text, value
from z1ray.records import Row, problem

INSTRUCTION = "Reason step by step, and put the final answer in \\boxed{}."

_DIFFICULTY = {1: "easy", 2: "easy", 3: "medium", 4: "hard", 5: "hard"}


def _math500(record: Record, source: SourceConfig) -> Row:
    level = value(record, "level")
    if level is not None and level not in _DIFFICULTY:
        raise refused(record, "level", level, "levels are 1 to 5")
    return problem(
        problem_id=f"{source.label}/{own_id(record, 'unique_id')}",
        source=source.label,
        question=_question(record),
        difficulty=_DIFFICULTY.get(level),
        tests={"kind": "reference", "reference": text(record, "answer"), "verifier": "mathematics"},
        metadata={"subject": value(record, "subject"), "level": level},
    )


def _aime(record: Record, source: SourceConfig) -> Row:
    answer = own_id(record, "answer")
    if integer(answer) is None:
        raise refused(record, "answer", answer, "it is no integer from 0 to 999")
    has_id = value(record, "id") is not None
    return problem(
        problem_id=f"{source.label}/{own_id(record, 'id') if has_id else _digest(text(record, 'problem'))}",
        source=source.label,
        question=_question(record),
        tests={"kind": "reference", "reference": answer, "verifier": "integer"},
    )


def _question(record: Record) -> str:
    return f"{text(record, 'problem').strip()}\n\n{INSTRUCTION}"


def _digest(problem_text: str) -> str:
    """An id that the same problem has in every copy of the exam."""
    return hashlib.sha256(problem_text.strip().encode()).hexdigest()[:12]


MATH500 = of_table(
    Fields(("problem", "answer", "subject", "level", "unique_id"), ("problem", "answer", "unique_id")), _math500
)
AIME = of_table(Fields(("id", "problem", "answer"), ("problem", "answer")), _aime)
