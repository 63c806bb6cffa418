"""Right code is found in the shapes that models write, and wrong code stays wrong."""

import json

import pytest

from tests.grading import shapes, shapes_of_code
from tests.grading.shapes import BAD, GOOD, F, block
from z1ray.grading.config import SandboxConfig
from z1ray.grading.extraction import find_program
from z1ray.grading.verdict import Verdict, check
from z1ray.records import problem
from z1ray.window import CODE_HINT

CONFIG = SandboxConfig(timeout_s=20)
PROMPT = 'from typing import Any\n\n\ndef same(x):\n    return x\n\n\ndef add(a: Any, b: Any) -> Any:\n    """Add."""\n'


def asked(kind, entry_point=None, metadata=None, **tests):
    """A problem row; ``tests`` are its fields that are not empty."""
    empty = dict.fromkeys(("setup", "cases", "inputs", "outputs", "reference", "verifier"))
    found = problem(
        problem_id="x/add", source="x", question="Add.", tests={**empty, "kind": kind, **tests}, entry_point=entry_point
    )
    return found | {"metadata": metadata}


ADD = asked("python", "add", cases=["assert add(2, 3) == 5"])
METHOD = asked("python", "Solution", cases=["assert Solution().addTwo(2, 3) == 5"])
PROGRAM = asked("stdio", inputs=["2 3\n"], outputs=["5\n"])
BODY = asked(
    "python",
    "add",
    json.dumps({"prompt": PROMPT}),
    setup=PROMPT[: PROMPT.index("def add")],
    cases=["def check(f):\n    assert f(2, 3) == 5\n\ncheck(add)"],
)

TABLES = {
    "info strings": (ADD, shapes.INFO_STRINGS),
    "fences": (ADD, shapes.FENCES),
    "markup": (ADD, shapes.MARKUP),
    "bare": (ADD, shapes.BARE),
    "after": (ADD, shapes.AFTER),
    "before": (ADD, shapes.BEFORE),
    "code": (ADD, shapes_of_code.CODE),
    "cut": (ADD, shapes_of_code.CUT),
    "method": (METHOD, shapes_of_code.METHOD),
    "program": (PROGRAM, shapes_of_code.PROGRAM),
    "body": (BODY, shapes_of_code.BODY),
}
SHAPES = {f"{table}: {name}": (row, text) for table, (row, texts) in TABLES.items() for name, text in texts.items()}

WRONG = {
    "a right draft without fences": f"{GOOD}\nNo, it is\n{block(BAD)}",
    "right thinking before the hint": f"{block(GOOD)}{CODE_HINT}{block(BAD)}",
    "another function": block("def sub(a, b):\n    return a - b\n"),
    "a class of another method": block("class Solution:\n    def other(self):\n        return 5\n"),
    "no more than its signature": block("def add(a, b):\n    pass\n"),
    "code that does not compile": block("def add(a, b)\n    return a + b\n"),
    "another language": block("const add = (a, b) => a + b;\n", "javascript") + block("add(2, 3)\n"),
    "a function that calls itself": block("def add(a, b):\n    return add(a, b)\n"),
    "an example of use alone": block("print(add(2, 3))\n"),
}
NONE = {
    "prose": "I would add the two numbers.",
    "nothing": "",
    "a word": "add",
    "an empty block": f"{F}python\n{F}",
    "an empty block never closed": f"{F}python\n",
    "the name in backticks": "Use `add` with `a` and `b`.",
    "right thinking, nothing after the hint": f"{block(GOOD)}{CODE_HINT}",
    "right thinking, prose after the hint": f"{block(GOOD)}{CODE_HINT}It is the function above.",
    "a formula": "\\[ a + b = c \\]",
}


def exchanged(text):
    """The text with right and wrong code in each other's places."""
    return text.replace("a + b", "\0").replace("a - b", "a + b").replace("\0", "a - b")


KNOWN: dict[tuple[object, ...], Verdict] = {}


def checked(row, text):
    """The verdict on a text; those in which the reader finds the same program are run once."""
    key = (row["entry_point"], row["metadata"], find_program(row, text))
    if key not in KNOWN:
        KNOWN[key] = check(row, text, CONFIG)
    return KNOWN[key]


@pytest.mark.parametrize(("row", "text"), SHAPES.values(), ids=SHAPES.keys())
def test_right_code_passes_in_every_shape_and_wrong_code_in_none(row, text):
    """An answer judged by its prose, or by a draft, would bend every figure that hangs on the grade."""
    assert checked(row, text).verdict == "passed"
    assert checked(row, exchanged(text)).passed is False


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_wrong_code_stays_wrong(text):
    """A reader that looks for something that passes would find it in the thinking."""
    assert check(ADD, text, CONFIG).passed is False


@pytest.mark.parametrize("text", NONE.values(), ids=NONE.keys())
def test_no_code_is_told_apart(text):
    """What has no code is no failed program."""
    assert check(ADD, text, CONFIG).verdict == "no_code"
