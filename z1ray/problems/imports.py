"""Which libraries a problem's tests need."""

import ast
import sys


def libraries(*sources: str) -> list[str]:
    """Packages outside the standard library that sources import, sorted; of one that does not compile, none."""
    found = {name.partition(".")[0] for source in sources for name in _imported(source)}
    return sorted(found - sys.stdlib_module_names)


def _imported(source: str) -> list[str]:
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except SyntaxError:
        return []
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return names + [node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
