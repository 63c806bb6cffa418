"""APPS, TACO, CodeContests and DeepCoder: problems of contests with inputs and outputs, or calls of a function.

APPS (Hendrycks et al., arXiv 2105.09938) and TACO (Li et al., arXiv 2312.14852): ``question``, ``solutions``,
``input_output`` (JSON with ``inputs``, ``outputs`` and maybe ``fn_name``), ``difficulty``, ``starter_code``.

CodeContests (Li et al., "AlphaCode", arXiv 2203.07814; deepmind/code_contests): ``name``, ``description``,
``public_tests``, ``private_tests``, ``generated_tests``, ``solutions``, ``difficulty``, ``cf_rating``.

DeepCoder (agentica-org/DeepCoder-Preview-Dataset): ``problem``, ``solutions``, ``starter_code``, and ``tests`` as JSON:
those of APPS, or a list of ``input``, ``output`` and maybe ``fn_name``, or ``func_name`` under ``metadata``.

Tests that cannot be read leave a problem without tests, which is counted and told.
"""

from typing import Any

from z1ray.problems.columns import Fields, Record
from z1ray.problems.config import SourceConfig
from z1ray.problems.difficulty import level, noted
from z1ray.problems.layout import of_table
from z1ray.problems.sets.checks import Checks, TestsError, loaded, of_pairs, readable
from z1ray.problems.sets.questions import first_solution
from z1ray.problems.sets.rows import made
from z1ray.problems.values import optional_text, statement, value
from z1ray.records import Row

_PYTHON3 = 3
_PARTS = ("public_tests", "private_tests", "generated_tests")
# Difficulties of CodeContests: 1 to 5 easy to hardest, 7 and on a problem's letter in its contest, A first.
_NUMBERED = {1: "easy", 2: "medium", 3: "hard", 4: "hard", 5: "hard", 7: "easy", 8: "easy", 9: "medium", 10: "medium"}
_LETTERS = range(7, 29)
_EASY_BELOW, _HARD_FROM = 1300, 1900  # ratings of Codeforces


def contest_level(number: Any, rating: Any = None) -> str | None:
    """The level of a problem of CodeContests, by its rating on Codeforces if it has one."""
    if isinstance(rating, int) and rating > 0:
        return "easy" if rating < _EASY_BELOW else "medium" if rating < _HARD_FROM else "hard"
    number = int(number) if isinstance(number, str) and number.isdecimal() else number
    return _NUMBERED.get(number, "hard" if number in _LETTERS else None) if isinstance(number, int) else None


def _apps(record: Record, source: SourceConfig) -> Row:
    given = value(record, "difficulty")
    return made(
        record,
        source,
        name="id",
        statement=statement(record, "question"),
        starter=_starter(record),
        checks=readable(lambda: _of_sample(loaded(value(record, "input_output")), _starter(record))),
        solution=first_solution(value(record, "solutions")),
        difficulty=level(given),
        metadata=noted(given),
    )


def _deepcoder(record: Record, source: SourceConfig) -> Row:
    return made(
        record,
        source,
        statement=statement(record, "problem"),
        starter=_starter(record),
        checks=readable(lambda: _of_list(loaded(value(record, "tests")), _function(record), _starter(record))),
        solution=first_solution(value(record, "solutions")),
    )


def _codecontests(record: Record, source: SourceConfig) -> Row:
    return made(
        record,
        source,
        name="name",
        statement=statement(record, "description"),
        checks=readable(lambda: _of_parts(record)),
        solution=_python3(value(record, "solutions")),
        difficulty=contest_level(value(record, "difficulty"), value(record, "cf_rating")),
        metadata={"rating": value(record, "cf_rating")},
    )


def _starter(record: Record) -> str:
    return optional_text(record, "starter_code")


def _function(record: Record) -> str | None:
    about = loaded(value(record, "metadata"))
    return about.get("func_name") if isinstance(about, dict) else None


def _of_sample(sample: Any, starter: str) -> Checks:
    """The tests of ``input_output``."""
    if not sample:
        return Checks()
    if not isinstance(sample, dict):
        raise TestsError("no JSON object")
    return of_pairs(sample.get("inputs"), sample.get("outputs"), sample.get("fn_name"), starter)


def _of_list(tests: Any, function: str | None, starter: str) -> Checks:
    """The tests of DeepCoder, one object each."""
    if not isinstance(tests, list):
        return _of_sample(tests, starter)
    if not all(isinstance(one, dict) for one in tests):
        raise TestsError("no list of objects")
    names = {_called(one) or function for one in tests}
    if len(names) > 1:
        raise TestsError("they call several functions")
    pairs = [(one.get("input"), one.get("output")) for one in tests]
    name = names.pop() if names else None
    return of_pairs([given for given, _ in pairs], [wanted for _, wanted in pairs], name, starter)


def _called(test: Row) -> str | None:
    about = test.get("metadata")
    name = test.get("fn_name") or (about.get("func_name") if isinstance(about, dict) else None)
    return str(name) if name else None


def _of_parts(record: Record) -> Checks:
    """All tests of CodeContests, the public ones first."""
    parts = [value(record, name) or {} for name in _PARTS]
    if not all(isinstance(part, dict) for part in parts):
        raise TestsError("no object of inputs and outputs")
    inputs, outputs = ([one for part in parts for one in part.get(name) or []] for name in ("input", "output"))
    return of_pairs(inputs, outputs, None, "")


def _python3(solutions: Any) -> str | None:
    """The first solution in Python 3."""
    if not isinstance(solutions, dict):
        return None
    pairs = zip(solutions.get("language") or [], solutions.get("solution") or [], strict=False)
    return first_solution([code for language, code in pairs if language == _PYTHON3])


_APPS = Fields(
    ("id", "question", "solutions", "input_output", "difficulty", "starter_code"), ("question", "input_output"), 16
)
APPS = of_table(_APPS, _apps)
TACO = of_table(_APPS, _apps)
CODECONTESTS = of_table(
    Fields(("name", "description", *_PARTS, "solutions", "difficulty", "cf_rating"), ("description", _PARTS[0]), 16),
    _codecontests,
)
DEEPCODER = of_table(
    Fields(("problem", "solutions", "tests", "starter_code", "metadata"), ("problem", "tests"), 16), _deepcoder
)
