"""Python code in text that has no fences around it."""

import ast
import re
from collections.abc import Sequence
from textwrap import dedent

from z1ray.grading.syntax import has_calls, leaves_string_open, tree_or_error

# How often a statement with an open string is tried with more lines, and failed ones within failed ones are.
_LOOKAHEAD = 8
_DEPTH = 3

_CONTINUES = re.compile(r"[)\]}]|(?:else|elif|except|finally)\b")
_DEFINES = re.compile(r"(?:async[ \t]+)?def[ \t]|class[ \t]|@")
_SIMPLE = ast.Expr | ast.Global | ast.Nonlocal


def runs(lines: Sequence[str]) -> list[str]:
    """The longest runs of neighbouring lines that are Python statements, in order.

    Prose that happens to parse, such as a line of one word, is no statement here. The time
    is linear in the number of lines.
    """
    found: list[str] = []
    run: list[str] = []
    failed: list[int] = []
    position, run_indent = 0, 0
    while position < len(lines):
        line = lines[position]
        if not line.strip() or line.lstrip().startswith("#"):
            run += [line] if run else []
            position += 1
            continue
        indent = _indent(line)
        end = _statement(lines, position)
        if run and (end is None or indent != run_indent):
            found.append(_joined(run))
            run = []
        if end is not None:
            run += lines[position:end]
            position, run_indent = end, indent
            continue
        # The lines below a sentence may be code; those below a broken definition are not.
        end = _end(lines, position)
        failed = [stop for stop in failed if stop > position]
        descend = len(failed) < _DEPTH and not _DEFINES.match(line.lstrip())
        failed.append(end)
        position = position + 1 if descend else end
    return [*found, _joined(run)] if run else found


def _statement(lines: Sequence[str], start: int) -> int | None:
    """The line after the statement that starts here; None if none does."""
    end = _end(lines, start)
    for _ in range(_LOOKAHEAD):
        tree = tree_or_error(_joined(lines[start:end]))
        if isinstance(tree, ast.Module):
            return end if not all(_is_prose(node) for node in tree.body) else None
        if not leaves_string_open(tree):
            return None
        quoted = next((at for at in range(end, len(lines)) if '"""' in lines[at] or "'''" in lines[at]), None)
        if quoted is None:
            return None
        end = _end(lines, quoted, _indent(lines[start]))
    return None


def _end(lines: Sequence[str], start: int, indent: int | None = None) -> int:
    """The line after ``start`` and all that by its indentation belongs to it."""
    indent = _indent(lines[start]) if indent is None else indent
    decorates = lines[start].lstrip().startswith("@")
    for position in range(start + 1, len(lines)):
        line = lines[position]
        if not line.strip() or _indent(line) > indent:
            continue
        if _indent(line) == indent and (decorates or _CONTINUES.match(line.lstrip())):
            decorates = decorates and line.lstrip().startswith("@")
            continue
        return position
    return len(lines)


def _is_prose(node: ast.stmt) -> bool:
    """Whether it does nothing, such as a word, a bullet or ``name: word``."""
    if isinstance(node, ast.AnnAssign):
        return node.value is None
    return isinstance(node, _SIMPLE) and not has_calls(node)


def _joined(lines: Sequence[str]) -> str:
    return dedent("\n".join(lines)).strip("\n") + "\n"


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" \t"))
