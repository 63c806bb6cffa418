"""GPQA: graduate-level questions with four options, one of them right.

Rein et al., "GPQA: A Graduate-Level Google-Proof Q&A Benchmark", arXiv 2311.12022; columns ``Question``,
``Correct Answer``, ``Incorrect Answer 1`` to ``3``, ``Record ID``, as Idavidrein/gpqa has them (configuration
``gpqa_diamond``). Its authors ask not to show examples in the open, so none is part of z1ray.

The published rows name the right answer first. Each question's options are put in an order of its
own, drawn from the source's seed and the question's id: the same in every run, wherever the row stands, and
no letter is right more often than another.
"""

import random

from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.layout import of_table
from z1ray.problems.values import own_id, refused, text, value
from z1ray.records import Row, problem

INSTRUCTION = 'Choose one of the options. End with "Answer:" and its letter alone.'
LETTERS = "ABCD"

_RIGHT = "Correct Answer"
_OPTIONS = (_RIGHT, "Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def _gpqa(record: Record, source: SourceConfig) -> Row:
    name, options = own_id(record, "Record ID"), [text(record, column).strip() for column in _OPTIONS]
    if options[0] in options[1:]:
        raise refused(record, _RIGHT, options[0], "a wrong option is the same")
    order = list(range(len(options)))
    random.Random(f"{source.seed}/{name}").shuffle(order)
    lines = "\n".join(f"{letter}) {options[index]}" for letter, index in zip(LETTERS, order, strict=True))
    return problem(
        problem_id=f"{source.label}/{name}",
        source=source.label,
        question=f"{text(record, 'Question').strip()}\n\n{lines}\n\n{INSTRUCTION}",
        tests={"kind": "reference", "reference": LETTERS[order.index(0)], "verifier": "choice"},
        metadata={"domain": value(record, "High-level domain"), "subdomain": value(record, "Subdomain")},
    )


GPQA = of_table(
    Fields(
        ("Record ID", "Question", *_OPTIONS, "High-level domain", "Subdomain"), ("Record ID", "Question", *_OPTIONS)
    ),
    _gpqa,
)
