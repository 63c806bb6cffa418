"""Joining to a program the helpers and imports it misses, from other code of the same text."""

import ast
from collections.abc import Collection, Iterator, Sequence

from z1ray.grading.syntax import Module, parse, reads_input

_JOINABLE = (
    ast.Import | ast.ImportFrom | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign
)


def joined(module: Module, others: Sequence[Module], wanted: Collection[str] = (), *, with_input: bool = False) -> str:
    """The module's source, after those statements of others that bind what it misses.

    Args:
        module: The program.
        others: Where to look, the most likely first.
        wanted: Names that must be bound beside those the program itself reads.
        with_input: Whether statements that read standard input may be taken.
    """
    bindings = [_bindings(other, with_input) for other in others]
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
            more = _reads(others[number], at) - seen
            seen |= more
            waiting += more
    pieces = [_text(others[number], at) for number, at in sorted(taken, key=lambda place: (-place[0], place[1]))]
    return _before(module, pieces) if pieces else module.source


def _bindings(module: Module, with_input: bool) -> dict[str, list[int]]:
    """Positions of the statements that bind each name; those of ``from ... import *`` under ``*``."""
    found: dict[str, list[int]] = {}
    for position, node in enumerate(module.tree.body):
        if isinstance(node, _JOINABLE):
            for name in _bound(node):
                found.setdefault(name, []).append(position)
    return {name: positions for name, positions in found.items() if with_input or not _any_reads(module, positions)}


def _any_reads(module: Module, positions: Sequence[int]) -> bool:
    """Whether an assignment among them asks for input, which would stop where there is none."""
    values = [module.tree.body[position] for position in positions]
    return any(reads_input(node) for node in values if isinstance(node, ast.Assign | ast.AnnAssign))


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        if getattr(node, "module", None) != "__future__":
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = (part for target in targets for part in ast.walk(target) if isinstance(part, ast.Name))
        yield from (name.id for name in names if isinstance(name.ctx, ast.Store))
    else:
        yield getattr(node, "name", "")


def _reads(module: Module, position: int) -> frozenset[str]:
    found = parse(_text(module, position))
    return found.missing if found else frozenset()


def _text(module: Module, position: int) -> str:
    """A statement's lines, its decorators included."""
    node = module.tree.body[position]
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return "\n".join(module.source.split("\n")[first - 1 : node.end_lineno]) + "\n"


def _before(module: Module, pieces: Sequence[str]) -> str:
    """The source with more statements at its start, but after what it imports from the future."""
    futures = [n.end_lineno for n in module.tree.body if isinstance(n, ast.ImportFrom) and n.module == "__future__"]
    lines = module.source.split("\n")
    start = futures[-1] or 0 if futures else 0
    return "".join(f"{line}\n" for line in lines[:start]) + "".join(pieces) + "\n".join(lines[start:])
