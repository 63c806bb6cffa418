"""LiveCodeBench: packed tests, dates, releases, and its own rule for what is right."""

import base64
import json
import pickle
import tracemalloc
import zlib

import pytest

from tests.problems.benchmarks.rows import load, of_code, published, shipped, written
from z1ray.errors import UserError
from z1ray.grading import livecodebench
from z1ray.grading.config import SandboxConfig
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import iter_problems

ROWS = shipped("livecodebench", "livecodebench")
METHOD, PROGRAM = published("livecodebench")
NEIGHBOURS = (
    "class Solution:\n    def neighbours(self, nums, k):\n        return [a + b for a, b in zip(nums, nums[1:])]"
)


def packed(value):
    """A column of private tests, as published."""
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def of_program(wanted, given="1\n"):
    case = {"input": given, "output": wanted, "testtype": "stdin"}
    return PROGRAM | {"public_test_cases": "[]", "private_test_cases": packed(json.dumps([case]))}


def of_method(*pairs):
    cases = [{"input": given, "output": wanted, "testtype": "functional"} for given, wanted in pairs]
    return METHOD | {"public_test_cases": json.dumps(cases), "private_test_cases": "[]"}


def verdict(folder, record, code):
    (row,) = load(written(folder, [record]), "livecodebench").values()
    return of_code(row, code)


def test_public_and_private_tests_count():
    """A program that knows the examples of the statement alone is wrong."""
    assert of_code(ROWS["made-1"], NEIGHBOURS) == "passed"
    assert of_code(ROWS["made-1"], NEIGHBOURS.replace("a + b", "3 if a == 1 else 5")) == "failed"
    assert of_code(ROWS["made-2"], "print(int(input()) / 2)") == "passed"
    assert of_code(ROWS["made-2"], "print(1.5)") == "failed"
    assert "def neighbours(self" in ROWS["made-1"]["question"]
    assert "standard input" in ROWS["made-2"]["question"]


@pytest.mark.parametrize(
    ("printed", "wanted", "expected"),
    [
        ("2", "2.0", "passed"),
        ("2.00 1e1", "2 10", "passed"),
        ("2.0000001", "2.0", "failed"),
        ("50000000000000000", "50000000000000001", "failed"),
        ("0.1", "0.10000000000000000001", "failed"),
        ("  2  \\n", "2", "passed"),
        ("1\\n2", "1 2", "failed"),
        ("1 2", "1\n2", "failed"),
        ("1\\n\\n2", "1\n2", "failed"),
        ("1\\n 2 ", "1\n2\n", "passed"),
        ("1  2", "1 2", "passed"),
        ("a  b", "a b", "failed"),
        ("yes 2.0", "yes 2", "failed"),
        ("YES", "yes", "failed"),
        ("nan", "nan", "passed"),
        ("", "", "passed"),
        ("", "0", "failed"),
    ],
)
def test_output_is_compared_line_by_line(tmp_path, printed, wanted, expected):
    """The official rule, where it differs from a comparison of words or of floats."""
    assert verdict(tmp_path, of_program(wanted), f"print('{printed}')") == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import sys\nprint(1)\nsys.exit(3)", "passed"),
        ("print(1); exit()", "passed"),
        ("print(1); 1 / 0", "error"),
        ("if __name__ == '__main__':\n    print(1)", "passed"),
        ("print(Counter('a')['a'] * comb(1, 1) * reduce(mul, [1]) * int(stdin.readline()))", "passed"),
        ("print(math.gcd(1, 1) * pow(1, 1, 5))", "passed"),
        ("def f(n): return 1 if n == 0 else f(n - 1)\nprint(f(20000))", "passed"),
        ("from __future__ import annotations\nprint(1)", "passed"),
    ],
)
def test_programs_run_as_officially(tmp_path, code, expected):
    """Names of the prelude, deep recursion, and an end by exit, whose status does not count there."""
    assert verdict(tmp_path, of_program("1"), code) == expected


@pytest.mark.parametrize(
    ("result", "wanted", "expected"),
    [
        ("[3, 5]", "[3, 5]", "passed"),
        ("(3, 5)", "[3, 5]", "passed"),
        ("[(3, 5)]", "[[3, 5]]", "failed"),
        ("2.0", "2", "passed"),
        ("2.0000001", "2", "failed"),
        ("'2'", "2", "failed"),
        ("None", "null", "passed"),
        ("True", "true", "passed"),
        ("deque([3])", "[3]", "failed"),
        ("self.x if hasattr(self, 'x') else setattr(self, 'x', 1) or 2", "2", "failed"),
    ],
)
def test_results_of_methods_are_compared_as_officially(tmp_path, result, wanted, expected):
    """Equal to the JSON, a tuple at the top counting as a list; one object serves all cases."""
    code = f"class Solution:\n    def neighbours(self, nums: List[int], k: Optional[int]):\n        return {result}"
    assert verdict(tmp_path, of_method(("[1]\n2", wanted), ("[1]\n2", wanted)), code) == expected


def test_a_plain_function_serves(tmp_path):
    """Officially the module is taken where there is no class."""
    assert verdict(tmp_path, of_method(("[1]\n2", "3")), "def neighbours(nums, k): return nums[0] + k") == "passed"


def test_a_case_has_a_limit_of_its_own(tmp_path, monkeypatch):
    """Officially 6 seconds, here 2: two cases of 1.2 pass, one of 4 does not, whatever the sandbox has for limits."""
    limits = livecodebench.limits(SandboxConfig(timeout_s=1, total_timeout_s=1), num_cases=10)
    assert (limits.timeout_s, limits.total_timeout_s) == (6, 75)
    monkeypatch.setattr(livecodebench, "_CASE_S", 2.0)
    sleep = "import time\nclass Solution:\n    def neighbours(self, nums, s):\n        time.sleep(s)\n        return 1"
    assert verdict(tmp_path, of_method(("[1]\n1.2", "1"), ("[1]\n1.2", "1")), sleep) == "passed"
    assert verdict(tmp_path, of_method(("[1]\n4", "1")), sleep) == "timeout"
    assert verdict(tmp_path, of_program("1", "4"), "import time\ntime.sleep(int(input()))\nprint(1)") == "timeout"


class Evil:
    """Pickles as a call."""

    def __reduce__(self):
        return (print, ("the pickle ran",))


@pytest.mark.parametrize(
    "private",
    [
        packed(Evil()),
        packed([1, 2]),
        packed("{}"),
        packed("[1]"),
        packed('[{"input": "1"}]'),
        packed("[")[:-8],
        "no base64!",
        base64.b64encode(b"no zlib").decode(),
        base64.b64encode(zlib.compress(b"no pickle")).decode(),
        base64.b64encode(zlib.compress(b"\x80\x04.")).decode(),
    ],
)
def test_hostile_and_broken_tests_are_refused_and_nothing_runs(tmp_path, capsys, private):
    """A pickle may name any function; this reader knows none."""
    with pytest.raises(UserError, match="row 1: private_test_cases"):
        load(written(tmp_path, [METHOD | {"private_test_cases": private}]), "livecodebench")
    assert "ran" not in capsys.readouterr().out


def test_tests_may_be_plain_json(tmp_path):
    """As they are in rows with small ones."""
    record = METHOD | {"private_test_cases": METHOD["public_test_cases"]}
    assert verdict(tmp_path, record, NEIGHBOURS) == "passed"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ["a", "b", "c"]),
        ({"since": "2024-08-01"}, ["b", "c"]),
        ({"since": "2024-08-01", "until": "2025-01-31"}, ["b"]),
        ({"until": "2025-02-01"}, ["a", "b", "c"]),
        ({"until": "2024-08-01"}, ["a", "b"]),
    ],
)
def test_dates(tmp_path, options, expected):
    """Both days' starts are within, as with the official runner."""
    dates = {"a": "2024-07-31T18:30:00", "b": "2024-08-01T00:00:00", "c": "2025-02-01T00:00:00"}
    records = [METHOD | {"question_id": name, "contest_date": date} for name, date in dates.items()]
    assert list(load(written(tmp_path, records), "livecodebench", options=options)) == expected


@pytest.mark.parametrize(
    ("release", "expected"),
    [("release_v1", "1"), ("release_v3", "123"), ("v2", "2"), ("v2_v3", "23")],
)
@pytest.mark.parametrize("folder", ["plain", "memory"])
def test_releases(tmp_path, release, expected, folder):
    """One file per version; a release is all up to its own. The folder may lie on any file system."""
    import fsspec

    root = str(tmp_path) if folder == "plain" else f"memory://{tmp_path.name}"
    for number in "123":
        with fsspec.open(f"{root}/test{number if number != '1' else ''}.jsonl", "w") as file:
            file.write(json.dumps(METHOD | {"question_id": number}))
    source = SourceConfig(kind="jsonl", path=root, layout="livecodebench", options={"release": release})
    assert [row["problem_id"] for row in iter_problems([source])] == [f"livecodebench/{one}" for one in expected]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"release": "v9_v1"}, "no such release"),
        ({"release": "5"}, "no such release"),
        ({"since": "May 2024"}, "it is no date"),
        ({"version": "v5"}, "no such option"),
    ],
)
def test_wrong_options_are_told(tmp_path, options, told):
    """And what may be written instead."""
    with pytest.raises(UserError, match=told):
        load(written(tmp_path, [METHOD]), "livecodebench", options=options)


def test_the_hub_needs_a_release():
    """Its dataset is a script, which the library no longer runs; the files beside it are read instead."""
    source = SourceConfig(kind="hub", path="livecodebench/code_generation_lite", layout="livecodebench")
    with pytest.raises(UserError, match="release_v5"):
        next(iter_problems([source]))


def test_rows_outside_the_dates_are_not_held(tmp_path):
    """30 rows of 1 MiB of tests lie outside, and one row at a time is all that memory holds."""
    heavy = METHOD | {"private_test_cases": "A" * 2**20, "contest_date": "2020-01-01T00:00:00"}
    path = written(tmp_path, [*[heavy] * 30, METHOD])
    source = SourceConfig(kind="jsonl", path=str(path), layout="livecodebench", options={"since": "2024-01-01"})
    tracemalloc.start()
    assert [row["problem_id"] for row in iter_problems([source])] == ["livecodebench/made-1"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 2**20, peak


def test_tests_stay_packed_in_the_row(tmp_path):
    """Unpacked, a release would not fit a machine."""
    cases = [{"input": "1\n" * 100_000, "output": "1", "testtype": "stdin"}] * 9
    record = PROGRAM | {"private_test_cases": packed(json.dumps(cases))}
    (row,) = load(written(tmp_path, [record]), "livecodebench").values()
    assert len(json.dumps(row)) < 20_000 < len(json.dumps(cases))
