"""Questions with answers that somebody wrote: OpenCodeReasoning, chats, Alpaca's columns, s1K.

OpenCodeReasoning (Ahmad et al., arXiv 2504.01943): ``id``, ``input``, ``output``, ``solution``, ``difficulty`` (the
words of TACO and APPS, or a number of CodeContests). Its second part has ``-`` where the text lies in another set.

Chats: ``messages`` with ``role`` and ``content``, or ``conversations`` with ``from`` and ``value`` (OpenThoughts).
The first turn of the user is the question, the first answer to it the reference solution, without its thinking.

Alpaca's columns (Code Alpaca, Evol-Instruct): ``instruction``, maybe ``input``, and ``output``.

s1K (Muennighoff et al., arXiv 2501.19393): ``question``, ``solution``. A boxed or short solution is also the test.
"""

import re
from typing import Any

from z1ray.grading.answers.boxes import last_boxes
from z1ray.problems.benchmarks.mathematics import INSTRUCTION as BOXED
from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.difficulty import level, noted
from z1ray.problems.layout import of_table
from z1ray.problems.sets.checks import Checks
from z1ray.problems.sets.contests import contest_level
from z1ray.problems.sets.rows import made
from z1ray.problems.values import as_statement, optional_text, refused, statement, value
from z1ray.records import Row

_USER, _ASSISTANT = {"user", "human"}, {"assistant", "gpt"}
_THINKING = re.compile(r"<think>.*?</think>|<\|begin_of_thought\|>.*?<\|end_of_thought\|>", re.DOTALL)
_MARKS = re.compile(r"<\|(?:begin|end)_of_solution\|>")
_MOST_WORDS = 6  # of a solution that is an answer to compare


def _opencodereasoning(record: Record, source: SourceConfig) -> Row:
    given = value(record, "difficulty")
    found = contest_level(given) or level(given)
    return made(
        record,
        source,
        name="id",
        statement=statement(record, "input"),
        solution=_code(record) or _answer(value(record, "output")),
        difficulty=found,
        metadata={"set": value(record, "dataset")} | ({} if found else noted(given)),
    )


def _messages(record: Record, source: SourceConfig) -> Row:
    field = "messages" if value(record, "messages") else "conversations"
    turns = value(record, field)
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise refused(record, field, turns, "it is no list of turns")
    asked = next((_content(turn) for turn in turns if _role(turn) in _USER), None)
    answer = next((_content(turn) for turn in turns if _role(turn) in _ASSISTANT), None)
    return made(record, source, name="id", statement=as_statement(record, field, asked), solution=_answer(answer))


def _alpaca(record: Record, source: SourceConfig) -> Row:
    asked = "\n\n".join(part for part in (statement(record, "instruction"), optional_text(record, "input")) if part)
    return made(record, source, name="id", statement=asked, solution=_answer(value(record, "output")))


def _s1k(record: Record, source: SourceConfig) -> Row:
    solution = optional_text(record, "solution")
    boxes = last_boxes(solution)
    final = boxes.content if boxes else solution.strip()
    if not final or len(final.split()) > _MOST_WORDS:
        return made(record, source, statement=statement(record, "question"), solution=solution)
    return made(
        record,
        source,
        statement=f"{statement(record, 'question').strip()}\n\n{BOXED}",
        checks=Checks({"kind": "reference", "reference": final}),
        solution=solution,
    )


def _code(record: Record) -> str | None:
    """The published code, which stands as ``...`` or ``-`` in some rows."""
    code = value(record, "solution")
    return code if isinstance(code, str) and any(map(str.isalnum, code)) else None


def _answer(text: Any) -> str | None:
    """An answer without its thinking."""
    return _MARKS.sub("", _THINKING.sub("", text)).strip() or None if isinstance(text, str) else None


def _role(turn: Row) -> Any:
    return turn.get("role") or turn.get("from")


def _content(turn: Row) -> Any:
    return turn.get("content") or turn.get("value")


OPENCODEREASONING = of_table(
    Fields(("id", "input", "output", "solution", "difficulty", "dataset"), ("input",)), _opencodereasoning
)
MESSAGES = of_table(Fields(("id", "messages", "conversations"), ()), _messages)
ALPACA = of_table(Fields(("id", "instruction", "input", "output"), ("instruction",)), _alpaca)
S1K = of_table(Fields(("question", "solution"), ("question",)), _s1k)
