"""Joining to a program the helpers and imports it misses, from other code of the same text."""

import ast
from collections.abc import Collection, Iterator, Sequence

from z1ray.grading.syntax import Module, parse, reads_input

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda
_MAIN = "__name__"


def joined(module: Module, others: Sequence[Module], wanted: Collection[str] = (), *, with_input: bool = False) -> str:
    """The module's source, after those statements of others that bind what it misses.

    Args:
        module: The program.
        others: Where to look, the most likely first.
        wanted: Names that must be bound beside those the program itself reads.
        with_input: Whether statements that read standard input may be taken.
    """
    bindings = [_bindings(other, with_input) for other in others]
    lines = [other.source.encode().split(b"\n") for other in others]

    def text(number: int, at: int) -> str:
        return _text(lines[number], others[number].tree.body[at])

    waiting = [*module.missing, *(set(wanted) - module.defined - module.imported)]
    seen = set(waiting)
    taken: set[tuple[int, int]] = set()
    while waiting:
        name = waiting.pop()
        number = next((number for number, bound in enumerate(bindings) if name in bound), None)
        if number is None:
            # It may come from any module that is imported as a whole.
            taken |= {(number, at) for number, bound in enumerate(bindings) for at in bound.get("*", ())}
            continue
        for at in bindings[number][name]:
            taken.add((number, at))
            found = parse(text(number, at))
            more = found.missing - seen if found else frozenset()
            seen |= more
            waiting += more
    pieces = [text(*place) for place in sorted(taken, key=lambda place: (-place[0], place[1]))]
    return _before(module, pieces) if pieces else module.source


def _bindings(module: Module, with_input: bool) -> dict[str, list[int]]:
    """Positions of the statements that bind or fill each name; those of ``from ... import *`` under ``*``."""
    found: dict[str, list[int]] = {}
    filled: dict[str, list[int]] = {}
    for position, node in enumerate(module.tree.body):
        if not _is_guard(node):
            for part in _own(node):
                for name in _bound(part):
                    found.setdefault(name, []).append(position)
                for name in _filled(part):
                    filled.setdefault(name, []).append(position)
    joinable = {name: sorted({*places, *filled.get(name, ())}) for name, places in found.items()}
    return {name: places for name, places in joinable.items() if with_input or not _any_reads(module, places)}


def _is_guard(node: ast.stmt) -> bool:
    """Whether it is ``if __name__ == "__main__":``."""
    return isinstance(node, ast.If) and any(isinstance(n, ast.Name) and n.id == _MAIN for n in ast.walk(node.test))


def _any_reads(module: Module, positions: Sequence[int]) -> bool:
    """Whether a statement among them asks for input when it runs, which would stop where there is none."""
    nodes = (module.tree.body[position] for position in positions)
    return any(reads_input(node) for node in nodes if not isinstance(node, _SCOPES))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """A statement and its parts, but for the inside of functions and classes."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        waiting += [] if isinstance(part, _SCOPES) else ast.iter_child_nodes(part)


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that it binds."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        if getattr(node, "module", None) != "__future__":
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name


def _filled(node: ast.AST) -> Iterator[str]:
    """Names whose object it changes: ``name[...] = ...``, ``name.x = ...`` or the statement ``name.f()``."""
    target: ast.AST = node.value.func if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) else node
    if target is node and not isinstance(getattr(node, "ctx", None), ast.Store):
        return
    changes = isinstance(target, ast.Subscript | ast.Attribute)
    while isinstance(target, ast.Subscript | ast.Attribute):
        target = target.value
    if changes and isinstance(target, ast.Name):
        yield target.id


def _text(lines: Sequence[bytes], node: ast.stmt) -> str:
    """A statement's source, its decorators included, from the lines of its module."""
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    assert node.end_lineno is not None
    found = list(lines[first - 1 : node.end_lineno])
    found[-1] = found[-1][: node.end_col_offset]
    found[0] = found[0][node.col_offset :] if first == node.lineno else found[0]
    return b"\n".join(found).decode() + "\n"


def _before(module: Module, pieces: Sequence[str]) -> str:
    """The source with more statements at its start, but after what it imports from the future."""
    futures = [n.end_lineno for n in module.tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    lines = module.source.split("\n")
    start = futures[-1] or 0 if futures else 0
    return "".join(f"{line}\n" for line in lines[:start]) + "".join(pieces) + "\n".join(lines[start:])
