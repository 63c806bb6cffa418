"""From the code of an answer to the program the tests call.

Tests call a name. An answer may give the right code under another form: as a method of a
class ``Solution`` where a function was asked for, as a function where the class was, as a
coroutine function, or as no more than the rest of the prompt.
"""

import ast
import json
import re
from dataclasses import dataclass
from textwrap import dedent, indent

from z1ray.grading.syntax import Module, is_stub, parse
from z1ray.records import Row

SOLUTION = "Solution"
# So many cases are read for the names they call; they all call the same.
_CASES_READ = 20

_AWAITED = """
def _z1ray_awaited(function):
    import asyncio, functools
    @functools.wraps(function)
    def call(*args, **kwargs):
        coroutine = function(*args, **kwargs)
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return asyncio.run(coroutine)
        return coroutine
    return call
"""


@dataclass(frozen=True, slots=True)
class Fit:
    """How a module serves the tests.

    Attributes:
        sure: Whether it defines what they call, rather than a stub, an import or code of another name.
        suffix: What to add to its source.
    """

    sure: bool
    suffix: str = ""


def complete(problem: Row, code: str) -> str:
    """The answer's code, made whole where it has another form than the tests call.

    Code that binds the asked-for names stands as it is, but for coroutine functions that the
    tests call like others. A method of a class, or a function, is put behind the name asked
    for. Otherwise, if the problem has a prompt to complete (HumanEval), the code is taken as
    the body of its last function: first as written, then indented by four spaces.
    """
    module = parse(code)
    found = fit(problem, module, wanted_names(problem)) if module else None
    if found:
        return code + found.suffix
    return continued(problem, code) or code


def continued(problem: Row, code: str) -> str | None:
    """The problem's prompt with the code as the body of its function; None if that does not compile."""
    prompt = json.loads(problem["metadata"] or "{}").get("prompt")
    name = problem["entry_point"]
    if prompt is None or name is None or re.search(rf"\bdef[ \t]+{re.escape(name)}\b", code):
        return None
    bodies = (code, indent(dedent(code), "    "))
    return next((whole for body in bodies if parse(whole := f"{prompt}{body}")), None)


def wanted_names(problem: Row) -> frozenset[str]:
    """The names an answer must bind: the entry point, or else what the cases read and the setup does not bind."""
    if problem["entry_point"]:
        root = re.match(r"\w+", problem["entry_point"])
        return frozenset({root[0]} if root else ())
    tests = problem["tests"]
    setup = parse(tests["setup"] or "")
    known = setup.defined | setup.imported if setup else frozenset()
    cases = [parse(case) for case in (tests["cases"] or [])[:_CASES_READ]]
    return frozenset().union(*(case.missing for case in cases if case)) - known


def fit(problem: Row, module: Module, names: frozenset[str]) -> Fit | None:
    """How a module serves the problem's tests, which call ``names``; None if it does not."""
    if bound := names & module.defined:
        definitions = [node for node in module.tree.body if getattr(node, "name", None) in bound]
        return Fit(not definitions or not is_stub(definitions[-1]), _awaiting(problem, module, bound))
    if names & module.imported:
        return Fit(False)
    if SOLUTION in names:
        return _as_class(problem, module)
    return next((found for name in sorted(names) if (found := _as_function(name, module))), None)


def _awaiting(problem: Row, module: Module, names: frozenset[str]) -> str:
    """Code that makes coroutine functions plain ones, unless the tests await them."""
    coroutines = [node.name for node in module.functions if isinstance(node, ast.AsyncFunctionDef)]
    called = [name for name in coroutines if name in names]
    if not called or re.search(r"\b(?:await|asyncio)\b", _tests_text(problem)):
        return ""
    return _AWAITED + "".join(f"{name} = _z1ray_awaited({name})\n" for name in called)


def _as_function(name: str, module: Module) -> Fit | None:
    """A method of the same name, or the only public one of ``Solution``, as a function."""
    methods = [(node, _methods(node)) for node in module.classes]
    for node, names in reversed(methods):
        if same := _same(name, names):
            return Fit(not is_stub(node), _calling(name, node.name, same))
    sole = [(node.name, names[0]) for node, names in methods if node.name == SOLUTION and len(names) == 1]
    return Fit(False, _calling(name, *sole[-1])) if sole else None


def _calling(name: str, class_name: str, method: str) -> str:
    return f"\ndef {name}(*args, **kwargs):\n    return {class_name}().{method}(*args, **kwargs)\n"


def _methods(node: ast.ClassDef) -> list[str]:
    names = [part.name for part in node.body if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [name for name in names if not name.startswith("_")]


def _as_class(problem: Row, module: Module) -> Fit | None:
    """All functions of the top level as methods of a class ``Solution``."""
    attributes = {
        node.name: node.name if _takes_self(node) else f"staticmethod({node.name})" for node in module.functions
    }
    attributes |= {name: f"staticmethod({name})" for name in _lambdas(module)}
    if not attributes:
        return None
    called = dict.fromkeys(re.findall(r"\.\s*(\w+)\s*\(", _tests_text(problem)))
    matched = {name: same for name in called if (same := _same(name, list(attributes)))}
    stubs = {node.name for node in module.functions if is_stub(node)}
    methods = attributes | {name: attributes[same] for name, same in matched.items()}
    if not matched:
        public = [name for name in attributes if not name.startswith("_")]
        methods |= dict.fromkeys(called, attributes[public[0]]) if len(public) == 1 else {}
    body = "".join(f"    {name} = {value}\n" for name, value in methods.items())
    return Fit(bool(matched) and not stubs & set(matched.values()), f"\nclass {SOLUTION}:\n{body}")


def _takes_self(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args]
    return bool(arguments) and arguments[0].arg == "self"


def _lambdas(module: Module) -> list[str]:
    assigned = [
        node for node in module.tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda)
    ]
    return [target.id for node in assigned for target in node.targets if isinstance(target, ast.Name)]


def _same(name: str, names: list[str]) -> str | None:
    """That of the names which is the same, or else the same but for case and underscores."""
    if name in names:
        return name
    return next((other for other in names if _plain(other) == _plain(name)), None)


def _plain(name: str) -> str:
    return name.replace("_", "").lower()


def _tests_text(problem: Row) -> str:
    tests = problem["tests"]
    return "\n".join([problem["entry_point"] or "", tests["setup"] or "", *(tests["cases"] or [])[:_CASES_READ]])
