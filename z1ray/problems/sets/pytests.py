"""A module of pytest tests of an answer's functions, as cases that need no pytest.

The module comes first, without its imports of the answer (``from solution import f``), then a call of each test. What
``pytest.mark.parametrize`` gives is called one by one. ``pytest.raises`` and ``pytest.approx`` have a stand-in; a
module that uses more of pytest, its fixtures say, cannot be run.
"""

import ast
from collections.abc import Iterator, Sequence

from z1ray.problems.sets.checks import TestsError

STAND_IN = """
import re as _z1ray_re

class _Z1rayRaises:
    def __init__(self, expected, match=None):
        self.expected, self.match, self.value = expected, match, None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert kind is not None, "nothing was raised"
        self.value = error
        if not issubclass(kind, self.expected):
            return False
        assert self.match is None or _z1ray_re.search(self.match, str(error)), "another message was raised"
        return True

class _Z1rayApprox:
    def __init__(self, wanted, rel=None, abs=None):
        self.wanted = wanted
        self.rel = (1e-6 if abs is None else 0.0) if rel is None else rel
        self.abs = 1e-12 if abs is None else abs

    def __eq__(self, found):
        return self._same(found, self.wanted)

    def _same(self, found, wanted):
        if isinstance(wanted, dict):
            return found.keys() == wanted.keys() and all(self._same(found[key], wanted[key]) for key in wanted)
        if isinstance(wanted, (list, tuple)):
            return len(found) == len(wanted) and all(map(self._same, found, wanted))
        if isinstance(wanted, bool) or not isinstance(wanted, (int, float, complex)):
            return found == wanted
        return found == wanted or abs(found - wanted) <= max(self.rel * abs(wanted), self.abs)

class pytest:
    raises, approx = _Z1rayRaises, _Z1rayApprox
"""

_ANSWER = "solution"
_KNOWN = {"raises", "approx"}


def cases(source: str) -> list[str]:
    """The cases of a module; its stand-in for pytest is ``STAND_IN``.

    Raises:
        TestsError: If it is no Python, has no tests, or uses what has no stand-in.
    """
    try:
        module = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise TestsError(f"no Python: {error}") from error
    module.body = [new for node in module.body for new in _rewritten(node)]
    calls = [call for node in module.body for call in _calls(node)]
    if not calls:
        raise TestsError("no function begins with test")
    used = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute) and _is_pytest(node.value)}
    if unknown := sorted(used - _KNOWN):
        raise TestsError(f"pytest.{unknown[0]} has no stand-in")
    return [ast.unparse(module), *calls]


def answer_names(source: str) -> list[str]:
    """What a module imports from the answer; nothing if it is no Python."""
    try:
        nodes = ast.walk(ast.parse(source))
    except (SyntaxError, ValueError):
        return []
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == _ANSWER]
    return [alias.name for node in imports for alias in node.names if alias.name != "*"]


def _rewritten(node: ast.stmt) -> list[ast.stmt]:
    """A statement of the module without what only pytest or another file could give it."""
    if isinstance(node, ast.If) and "__name__" in ast.unparse(node.test):
        return []
    if isinstance(node, ast.ImportFrom) and node.module in {_ANSWER, "pytest"}:
        prefix = "" if node.module == _ANSWER else "pytest."
        new = [f"{alias.asname or alias.name} = {prefix}{alias.name}" for alias in node.names if prefix or alias.asname]
        return ast.parse("\n".join(new)).body
    if isinstance(node, ast.Import):
        if odd := [alias for alias in node.names if alias.name == _ANSWER or (alias.name == "pytest" and alias.asname)]:
            raise TestsError(f"it imports {ast.unparse(odd[0])} as a module")
        node.names = [alias for alias in node.names if alias.name != "pytest"]
        return [node] if node.names else []
    return [node]


def _calls(node: ast.stmt) -> Iterator[str]:
    """One call per case of a test function or a class of them, whose decorators are taken off."""
    if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
        for method in node.body:
            if isinstance(method, ast.FunctionDef) and method.name.startswith("test"):
                yield from _called(method, f"{node.name}().{method.name}", method.args.args[1:])
    elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
        yield from _called(node, node.name, node.args.args)


def _called(function: ast.FunctionDef, name: str, arguments: Sequence[ast.arg]) -> Iterator[str]:
    given = [_parameters(decorator) for decorator in function.decorator_list]
    function.decorator_list = []
    names = {name for some, _ in given for name in some}
    required = arguments[: len(arguments) - len(function.args.defaults)]
    if missing := [one.arg for one in required if one.arg not in names]:
        raise TestsError(f"the test {function.name} takes the fixture {missing[0]}")
    call = f"{name}({', '.join(f'{one}={one}' for one in sorted(names))})"
    loops = [f"for {', '.join(some)}{',' * (len(some) > 1)} in {values}:" for some, values in given]
    lines = [f"{'    ' * depth}{line}" for depth, line in enumerate([*loops, call])]
    yield f"def _z1ray_case():\n{_indented(lines)}\n\n_z1ray_case()"


def _indented(lines: Sequence[str]) -> str:
    return "\n".join(f"    {line}" for line in lines)


def _parameters(decorator: ast.expr) -> tuple[list[str], str]:
    """The names and the source of the values of ``pytest.mark.parametrize``."""
    if (
        not isinstance(decorator, ast.Call)
        or ast.unparse(decorator.func) != "pytest.mark.parametrize"
        or len(decorator.args) != 2
        or decorator.keywords
    ):
        raise TestsError(f"the decorator {ast.unparse(decorator)[:60]} has no stand-in")
    try:
        names = ast.literal_eval(decorator.args[0])
    except ValueError as error:
        raise TestsError("parametrize names its arguments by code") from error
    listed = names.split(",") if isinstance(names, str) else names
    return [name.strip() for name in listed], ast.unparse(decorator.args[1])


def _is_pytest(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "pytest"
