"""BigCodeBench: unittest classes in the sandbox, and its libraries."""

import pytest

from tests.problems.benchmarks.rows import load, of_code, published, shipped, written
from z1ray.errors import UserError

RECORDS = {record["task_id"].partition("/")[2]: record for record in published("bigcodebench")}
ROWS = shipped("bigcodebench", "bigcodebench")
# Whose tests patch what the code calls, write files, or only compute; 37 needs pandas and more.
PLAIN = sorted(set(ROWS) - {"37", "324"})


def made(tests, code_prompt="import subprocess\ndef task_func(x):\n"):
    return {
        "task_id": "BigCodeBench/900",
        "instruct_prompt": "Double it.",
        "code_prompt": code_prompt,
        "entry_point": "task_func",
        "test": "import unittest\nfrom unittest.mock import patch\nclass TestCases(unittest.TestCase):\n" + tests,
    }


DOUBLE = "    def test_a(self):\n        self.assertEqual(task_func(2), 4)\n"
ZERO = "    def test_b(self):\n        self.assertEqual(task_func(3), 0)\n"
WRITING = "def task_func(x):\n    open('a.txt', 'w').write('4')\n    return int(open('a.txt').read())"
PATCHED = (
    "    @patch('subprocess.call')\n    def test_a(self, call):\n        call.return_value = 7\n"
    "        self.assertEqual(task_func(2), 7)\n"
    "    @patch('builtins.open', side_effect=OSError)\n    def test_b(self, _):\n"
    "        self.assertRaises(OSError, lambda: open('/x'))\n"
)
LIBRARY = "import helper\n"


@pytest.mark.parametrize("task", PLAIN)
def test_published_solutions_pass_and_empty_ones_do_not(task):
    """As a whole program, and as a function whose imports stand in the prompt alone."""
    record = RECORDS[task]
    whole = record["code_prompt"] + record["canonical_solution"]
    function = whole[whole.index("def task_func") :]
    assert [of_code(ROWS[task], shape) for shape in (whole, function)] == ["passed"] * 2
    assert of_code(ROWS[task], "def task_func(*args, **named): return None") in {"failed", "error"}
    assert ROWS[task]["question"].endswith("```")


@pytest.mark.parametrize(
    ("tests", "code", "expected"),
    [
        (DOUBLE, "def task_func(x): return 2 * x", "passed"),
        (DOUBLE, "def task_func(x): return x", "failed"),
        (DOUBLE, "def task_func(x): return x.y", "error"),
        (DOUBLE, "def other(x): return 2 * x", "failed"),
        (DOUBLE, "def task_func(x): raise SystemExit", "error"),
        (DOUBLE, "def task_func(x): return 2 * x\nraise SystemExit", "early_exit"),
        (DOUBLE, "import os\ndef task_func(x): os._exit(0)", "early_exit"),
        (DOUBLE, "def task_func(x): return [0] * 10**9", "error"),
        (DOUBLE, "import nothing_of_that_name\ndef task_func(x): return 2 * x", "error"),
        (DOUBLE, "def task_func(x): return open('/etc/shadow') and 4", "error"),
        (
            DOUBLE,
            "def task_func(x):\n    open('a.txt', 'w').write('4')\n    return int(open('a.txt').read())",
            "passed",
        ),
        (DOUBLE, "def task_func(x): return print('passed') or 2 * x", "passed"),
        (
            DOUBLE + "    def test_b(self):\n        self.assertEqual(task_func(3), 0)\n",
            "def task_func(x): return 2 * x",
            "failed",
        ),
        (PATCHED, "def task_func(x): return subprocess.call(['ls'])", "passed"),
        (PATCHED, "from subprocess import call\ndef task_func(x): return call(['ls'])", "failed"),
    ],
)
def test_the_rule_is_bigcodebenchs(tmp_path, tests, code, expected):
    """One module, one process: patches reach the answer, and every test must pass."""
    (row,) = load(written(tmp_path, [made(tests)]), "bigcodebench").values()
    assert of_code(row, code) == expected


def test_a_missing_library_is_told_not_counted():
    """A right answer would fail for want of pandas, and the figure would be the machine's, not the model's."""
    with pytest.raises(UserError, match=r"(?s)sandbox\.packages.*needs matplotlib, pandas, seaborn, sklearn.*extra"):
        of_code(ROWS["37"], RECORDS["37"]["code_prompt"] + RECORDS["37"]["canonical_solution"])


def test_libraries_come_from_a_folder(tmp_path):
    """Naming a hundred packages one by one would be no way to set a benchmark up."""
    (row,) = load(written(tmp_path, [made(DOUBLE, f"{LIBRARY}def task_func(x):\n")]), "bigcodebench").values()
    code = "def task_func(x): return helper.double(x)"
    with pytest.raises(UserError, match="needs helper"):
        of_code(row, code)
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "helper.py").write_text("import deeper\ndouble = deeper.double\n")
    (folder / "deeper.py").write_text("def double(x): return 2 * x\n")
    assert of_code(row, code, packages=[str(folder)]) == "passed"
    for absent in (f"{folder}/none", "relative/folder"):
        with pytest.raises(UserError, match=r"needs helper|no such folder"):
            of_code(row, code, packages=[absent])


def test_the_class_must_be_there(tmp_path):
    """Tests that define nothing to run pass nobody."""
    record = made(DOUBLE) | {"test": "import unittest\nclass TestCases(unittest.TestCase):\n    pass\n"}
    (row,) = load(written(tmp_path, [record]), "bigcodebench").values()
    assert of_code(row, "def task_func(x): return 2 * x") == "failed"
