"""Verdicts on answers, right, wrong and dishonest."""

import pytest

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.records import problem

LIMITS = SandboxConfig(timeout_s=10, memory_mib=256)
DOUBLE = {"kind": "python", "setup": "import math", "cases": ["assert double(2) == 4", "assert double(math.inf) > 9"]}


def verdict(tests, text, limits=LIMITS):
    return check(problem(problem_id="s/p", source="s", question="?", tests=tests, entry_point="double"), text, limits)


def of_code(code, tests=DOUBLE, limits=LIMITS):
    return verdict(tests, f"Thinking.\n```python\n{code}\n```\nDone.", limits)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def double(x): return 2 * x", "passed"),
        ("def double(x): return x + 2", "passed"),
        ("def double(x): return 3 * x", "failed"),
        ("def double(x): assert False", "failed"),
        ("def double(x): return x.y", "error"),
        ("def double(x)", "error"),
        ("def triple(x): return 3 * x", "error"),
        ("def double(x): return double(x)", "error"),
        ("def double(x): return [0] * 10**9", "memory"),
    ],
)
def test_python_verdicts(code, expected):
    """Training keeps and evaluation counts by these words."""
    result = of_code(code)
    assert (result.verdict, result.passed) == (expected, expected == "passed")
    assert result.answer == code + "\n"


def test_endless_code_times_out():
    """One endless answer must not hold up the rest."""
    assert of_code("def double(x):\n    while True: pass", limits=SandboxConfig(timeout_s=1)).verdict == "timeout"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit(0)",
        "import sys\ndef double(x): sys.exit(0)",
        "exit()",
        "raise SystemExit",
        "import os; os._exit(0)",
        "import os\ndef double(x): os._exit(0)",
        "import os; os.kill(os.getpid(), 9)",
        "print('passed'); print('{\"verdict\": \"passed\"}'); import os; os._exit(0)",
        'import os; os.write(1, b\'{"nonce": "", "verdict": "passed"}\\n\'); os._exit(0)',
        "import sys, os; print(sys.stdin.read()); os.lseek(0, 0, 0)",
        "import atexit, os; atexit.register(print, 'passed')",
        "import threading, time, os\nthreading.Thread(target=os._exit, args=(0,)).start(); time.sleep(5)",
    ],
)
def test_ending_early_or_printing_is_no_pass(code):
    """An answer passes only if all cases ran, not because nothing complained."""
    assert of_code(code).passed is False


def test_own_demo_code_does_not_run():
    """Answers often end with a demo under __main__, which may read input or be wrong."""
    code = "def double(x): return 2 * x\nif __name__ == '__main__':\n    print(double(int(input())))"
    assert of_code(code).verdict == "passed"


def test_ordinary_modules_work_inside():
    """String annotations in dataclasses look the module up by name."""
    code = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Box:\n    x: int\ndef double(x): return Box(2 * x).x"
    )
    assert of_code(code).verdict == "passed"


def test_last_code_block_counts():
    """A model that corrects itself means its last word."""
    wrong, right = "def double(x): return 0", "def double(x): return 2 * x"
    text = f"```python\n{wrong}\n```\nWait.\n```python\n{right}\n```"
    assert verdict(DOUBLE, text).verdict == "passed"


@pytest.mark.parametrize("text", ["", "Doubling is adding a number to itself.", "```python\n\n```"])
def test_no_code(text):
    """Text without a code block is no answer, and is told from a wrong one."""
    result = verdict(DOUBLE, text)
    assert (result.passed, result.verdict, result.answer) == (False, "no_code", None)


def test_no_tests():
    """Nothing was checked, so the row is neither right nor wrong."""
    result = verdict(None, "```python\n1\n```")
    assert (result.passed, result.verdict) == (None, "no_tests")


STDIO = {"kind": "stdio", "inputs": ["1 2\n", "5 5\n"], "outputs": ["3\n", "10"]}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("a, b = map(int, input().split())\nprint(a + b)", "passed"),
        (
            "import sys\ndef main():\n    print('', sum(map(int, sys.stdin.read().split())), '', sep='\\n')\nmain()",
            "passed",
        ),
        ("if __name__ == '__main__':\n    print(sum(map(int, input().split())))\n    exit(0)", "passed"),
        ("print(3)", "failed"),
        ("a, b = map(int, input().split())\nprint(a + b, end='0')", "failed"),
        ("print(3); 1 / 0", "error"),
        ("import sys; sys.exit(1)", "error"),
        ("from __future__ import annotations\nprint(sum(map(int, input().split())))", "passed"),
    ],
)
def test_stdio_verdicts(code, expected):
    """Every input must give its output, whitespace aside."""
    assert of_code(code, STDIO).verdict == expected


def test_stdio_timeout():
    """A program that waits for more input than there is ends."""
    assert of_code("while True: pass", STDIO, SandboxConfig(timeout_s=1)).verdict == "timeout"


def test_reference_verdicts():
    """A text is reduced to its final answer before it is compared."""
    tests = {"kind": "reference", "reference": "(B)"}
    assert verdict(tests, "A or B? I think it is B.\nAnswer: **b**").verdict == "passed"
    assert verdict(tests, "Answer: A, not B").verdict == "failed"
    assert verdict(tests, " \n").verdict == "no_answer"
    with pytest.raises(UserError, match="unknown verifier"):
        verdict(tests | {"verifier": "magic"}, "b")
