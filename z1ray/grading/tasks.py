"""Answers to reasoning_gym's tasks, scored by the task itself.

A task alone knows how many lines its answer has, so several readings of a text are tried: all
that follows "Answer:", its first paragraph, and each without the markup around it. All begin
where the answer begins, and a full score for one of them is a right answer.
"""

import json
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from z1ray.grading import sandbox
from z1ray.grading.answers import judging
from z1ray.grading.answers.boxes import last_boxes
from z1ray.grading.answers.extract import answer_region, final_answer, first_paragraph
from z1ray.grading.answers.markup import unfenced, unwrapped
from z1ray.grading.answers.phrasing import readings
from z1ray.grading.answers.quantity import value
from z1ray.grading.config import SandboxConfig
from z1ray.records import Row

PREFIX = "reasoning_gym:"
# Tasks of reasoning_gym 0.1.25 whose score_answer evaluates text as an expression.
EVALUATING_TASKS = frozenset(
    {
        "binary_matrix",
        "countdown",
        "intermediate_integration",
        "n_queens",
        "number_sorting",
        "polynomial_multiplication",
        "puzzle24",
        "simple_integration",
        "spiral_matrix",
        "string_insertion",
    }
)

# Near misses get 0.99 and more from some tasks.
_FULL = 1 - 1e-9
_SCORER = Path(__file__).with_name("score_entry.py").read_text(encoding="utf-8")
# Importing the package, from a cold disk, is no part of the answer's time; its libraries need room too.
_IMPORT_S = 30.0
_IMPORT_MIB = 1024
_NAME = re.compile(
    r"[A-Za-z_]|[A-E]+|a?(?:sin|cos|tan|sec|csc|cot)h?|exp|log|ln|sqrt|cbrt|Abs|pi|oo|erf|erfi|Ei|Si|Ci|Rational|[eE]\d*"
)
_PROSE = re.compile(r"[A-Z][a-z']*[ ,]+\S*[a-z]")


def passes(problem: Row, text: str, config: SandboxConfig) -> tuple[bool, str | None]:
    """Whether the task gives a text's answer its full score, and the answer.

    Raises:
        judging.JudgeTimeout: If scoring takes longer than ``config.timeout_s``.
        judging.JudgeError: If scoring fails for a reason other than the answer.
    """
    answer, found = final_answer(text), candidates(text, problem["tests"]["reference"])
    if not found:
        return False, answer
    task = problem["tests"]["verifier"].removeprefix(PREFIX)
    entry = json.loads(problem["metadata"])["entry"]
    if task in EVALUATING_TASKS:
        harmless = [one for one in found if is_expression(one)]
        return bool(harmless) and _sandboxed_score(task, harmless, entry, config) >= _FULL, answer
    return judging.score({"rule": task, "answers": found, "entry": entry}, config) >= _FULL, answer


def candidates(text: str, reference: str | None) -> list[str]:
    """The readings of a text's answer, each once.

    Where the reference is a number only numbers are readings: some scorers search a text for the first one.
    """
    region = answer_region(text)
    if region is None:
        return []
    # A grid may have lines of blanks, which end no answer; an empty line does.
    parts = [region, _first(region), region.partition("\n\n")[0]]
    if region.strip() == unfenced(text).strip():
        # Nothing says where the answer begins, so it is a box or the end.
        parts.append(final_answer(text) or "")
    if (boxes := last_boxes(region)) is not None:
        parts.append(boxes.content)
    found = [reading for part in parts for reading in _readings(part)]
    if reference is not None and value(reference) is not None:
        found = [reading for reading in found if value(reading) is not None]
    return list(dict.fromkeys(one for one in found if one.strip()))


def _readings(part: str) -> list[str]:
    """A part as it stands and without markup; of a single line also without words around it."""
    if "\n" in part.strip():
        return [part, unwrapped(part)]
    return [part, unwrapped(part), *(number or reading for reading in readings(part) for number in [_number(reading)])]


def _first(region: str) -> str:
    """The first paragraph; of one that goes on in prose, the first line."""
    paragraph = first_paragraph(region)
    line, _, below = paragraph.partition("\n")
    return line if _PROSE.match(below) and not _PROSE.match(line) else paragraph


def _number(said: str) -> str:
    """A number as plain digits, without separators; "" if the text is none."""
    size = value(said)
    if size is None:
        return ""
    return str(size.numerator) if size.denominator == 1 else said.replace(",", "")


def is_expression(answer: str) -> bool:
    """Whether an answer is no program: evaluated beside its scorer, it could tell a score of its own."""
    names = re.findall(r"[^\W\d]\w*", answer)
    return not re.search(r"\.\s*[^\W\d]|__", answer) and all(_NAME.fullmatch(name) for name in names)


def _sandboxed_score(task: str, answers: list[str], entry: str, config: SandboxConfig) -> float:
    spec = find_spec("reasoning_gym")
    assert spec is not None
    assert spec.origin is not None
    packages = Path(spec.origin).parents[1]
    job = {"packages": [str(packages)], "task": task, "answers": answers, "entry": entry}
    limits = replace(config, timeout_s=config.timeout_s + _IMPORT_S, memory_mib=config.memory_mib + _IMPORT_MIB)
    outcome = sandbox.run(_SCORER, limits, stdin=json.dumps(job), packages=[packages])
    scores = re.findall(r"^score (\S+)$", outcome.stdout, re.MULTILINE)
    if not scores and outcome.status == "timeout":
        raise judging.JudgeTimeout(f"{task}: no score in time")
    return max(map(float, scores), default=0.0)
