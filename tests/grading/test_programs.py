"""Code that only continues its prompt."""

import json

import pytest

from z1ray.grading.programs import complete

PROMPT = 'import math\n\ndef area(r):\n    """Area."""\n'
PROBLEM = {"entry_point": "area", "metadata": json.dumps({"prompt": PROMPT})}


@pytest.mark.parametrize(
    "code", ["def area(r):\n    return r", "class area: pass", "area = abs", "def area(r): return ("]
)
def test_code_that_defines_the_name_stays(code):
    """Joining whole answers to the prompt would define the function twice."""
    assert complete(PROBLEM, code) == code


@pytest.mark.parametrize(
    "body", ["    return math.pi * r**2", "return math.pi * r**2", "if r:\n    return r\nreturn 0"]
)
def test_a_body_is_joined_to_its_prompt(body):
    """Base models continue the prompt, indented or not."""
    namespace: dict[str, object] = {}
    exec(complete(PROBLEM, body), namespace)
    assert callable(namespace["area"])
    assert namespace["area"](1) is not None


@pytest.mark.parametrize("code", ["return (", "x\0", "(" * 1000])
def test_what_fits_nowhere_stays(code):
    """It fails in the sandbox with an error of its own."""
    assert complete(PROBLEM, code) == code


def test_problems_without_a_prompt_are_left_alone():
    """A missing name is the answer's own fault then."""
    assert complete({"entry_point": "Solution", "metadata": None}, "x = 1") == "x = 1"
