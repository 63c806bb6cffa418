"""Right code is found in the shapes that models write, and wrong code stays wrong."""

import pytest

from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.records import problem
from z1ray.window import CODE_HINT

F = "```"
GOOD = "def add(a, b):\n    return a + b\n"
BAD = "def add(a, b):\n    return a - b\n"
CONFIG = SandboxConfig(timeout_s=20)


def tests_of(**given):
    empty = dict.fromkeys(("setup", "cases", "inputs", "outputs", "reference", "verifier"))
    return empty | given


ADD = problem(
    problem_id="x/add",
    source="x",
    question="Add.",
    tests=tests_of(kind="python", cases=["assert add(2, 3) == 5"]),
    entry_point="add",
)
CLASS = problem(
    problem_id="x/class",
    source="x",
    question="Add.",
    tests=tests_of(kind="python", cases=["assert Solution().add(2, 3) == 5"]),
    entry_point="Solution",
)
ECHO = problem(
    problem_id="x/echo",
    source="x",
    question="Print the sum.",
    tests=tests_of(kind="stdio", inputs=["2 3\n"], outputs=["5\n"]),
)

# A shape a line: what it shows, and the text.
RIGHT = {
    "labelled": f"{F}python\n{GOOD}{F}",
    "unlabelled": f"Here:\n{F}\n{GOOD}{F}\nDone.",
    "short label": f"{F}py\n{GOOD}{F}",
    "label with a title": f'{F}python title="add.py"\n{GOOD}{F}',
    "label in braces": f"{F}{{python}}\n{GOOD}{F}",
    "label with a file": f"{F}python:main.py\n{GOOD}{F}",
    "tildes": f"~~~python\n{GOOD}~~~",
    "long fence": f"{F}`python\n{GOOD}{F}`",
    "carriage returns": f"{F}python\n{GOOD}{F}\n".replace("\n", "\r\n"),
    "byte order mark": f"\ufeff{F}python\n{GOOD}{F}",
    "indented in a list": f"1. Do this:\n\n   {F}python\n   def add(a, b):\n       return a + b\n   {F}\n",
    "output block after it": f"{F}python\n{GOOD}{F}\nOutput:\n{F}text\n5\n{F}\nSo it works.",
    "unlabelled output after it": f"{F}python\n{GOOD}{F}\nprints\n{F}\n5\n{F}\nSo it works, as shown.",
    "usage after it": f"{F}python\n{GOOD}{F}\nUse it:\n{F}python\nprint(add(2, 3))\n{F}",
    "draft before it": f"{F}python\n{BAD}{F}\nThat subtracts. Better:\n{F}python\n{GOOD}{F}",
    "helper in a block before": f"{F}python\ndef plus(a, b):\n    return a + b\n{F}\nand\n"
    f"{F}python\ndef add(a, b):\n    return plus(a, b)\n{F}",
    "import in a block before": f"{F}python\nimport operator\n{F}\n{F}python\ndef add(a, b):\n"
    f"    return operator.add(a, b)\n{F}",
    "never closed": f"{F}python\n{GOOD}",
    "no fences": f"The function is\n\n{GOOD}\nwhich adds.",
    "a docstring with a fence": f'{F}python\ndef add(a, b):\n    """Adds.\n\n    {F}\n    add(2, 3)\n    {F}\n    """\n'
    f"    return a + b\n{F}\nDone.",
    "a class for a function": f"{F}python\nclass Solution:\n    def add(self, a, b):\n        return a + b\n{F}",
    "a lambda": f"{F}python\nadd = lambda a, b: a + b\n{F}",
    "cut in a block, hint, then a block": f"{F}python\ndef add(a, b):\n    # now{CODE_HINT}{F}\n{F}python\n{GOOD}{F}",
    "cut in a block, hint, then a labelled block": f"{F}python\n{BAD}# or{CODE_HINT}{F}python\n{GOOD}{F}",
    "code after the hint without fences": f"Let me see{CODE_HINT}{GOOD}",
    "wrong draft before the hint": f"{F}python\n{BAD}{F}\nhmm{CODE_HINT}{F}python\n{GOOD}{F}",
}
WRONG = {
    "wrong code": f"{F}python\n{BAD}{F}",
    "right draft, wrong answer": f"{F}python\n{GOOD}{F}\nNo, it is\n{F}python\n{BAD}{F}",
    "right thinking, wrong answer after the hint": f"{F}python\n{GOOD}{F}{CODE_HINT}{F}python\n{BAD}{F}",
    "another function": f"{F}python\ndef sub(a, b):\n    return a - b\n{F}",
}
NONE = {"prose": "I would add the two numbers.", "nothing": "", "a word": "add", "an empty block": f"{F}python\n{F}"}


@pytest.mark.parametrize("text", RIGHT.values(), ids=RIGHT.keys())
def test_right_code_passes_in_every_shape(text):
    """An answer judged by its prose, or by a draft, would bend every figure that hangs on the grade."""
    assert check(ADD, text, CONFIG).verdict == "passed"


@pytest.mark.parametrize("text", WRONG.values(), ids=WRONG.keys())
def test_wrong_code_stays_wrong(text):
    """A reader that looks for something that passes would find it in the thinking."""
    assert check(ADD, text, CONFIG).passed is False


@pytest.mark.parametrize("text", NONE.values(), ids=NONE.keys())
def test_no_code_is_told_apart(text):
    """What has no code is no failed program."""
    assert check(ADD, text, CONFIG).verdict == "no_code"


def test_a_function_serves_where_a_class_was_asked_for():
    """And the other way round, above."""
    assert check(CLASS, f"{F}python\n{GOOD}{F}", CONFIG).verdict == "passed"


def test_a_program_is_chosen_over_an_example_of_its_use():
    """A program reads its input; a line that shows how to start it does not."""
    program = "a, b = map(int, input().split())\nprint(a + b)\n"
    text = f"{F}python\n{program}{F}\nTry:\n{F}\n$ echo 2 3 | python add.py\n5\n{F}"
    assert check(ECHO, text, CONFIG).verdict == "passed"
