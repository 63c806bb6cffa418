"""Questions about Python source, answered without running it."""

import ast
import builtins
import symtable
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, wraps
from threading import Lock
from typing import TypeVar

# What Python raises for source it cannot take: wrong, with null bytes, or nested too deep.
_INVALID = (SyntaxError, ValueError, RecursionError, MemoryError)
# No answer is this long. A syntax tree takes about a hundred times the room of its source, and Python's
# compiler quadratic time for many functions of one name.
_MAX_CHARS = 2**18
# A block of code is read at several steps, and an answer in a loop writes the same few over and over: what was
# found of the last so many, up to this length, is kept: some megabytes.
_KEPT = 32
_KEPT_CHARS = 2**11

_one_at_a_time = Lock()

_BUILTINS = frozenset(dir(builtins)) | {"__file__"}

Found = TypeVar("Found")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Module:
    """Source that compiles, and what it does with global names.

    Attributes:
        source: The source.
        tree: Its syntax tree.
        defined: Names that a definition or assignment binds at the top level.
        imported: Names that an import binds there.
        missing: Names it reads and neither binds nor finds among the builtins.
    """

    source: str
    tree: ast.Module
    defined: frozenset[str]
    imported: frozenset[str]
    missing: frozenset[str]

    @property
    def functions(self) -> list[Function]:
        """The functions of its top level."""
        return [node for node in self.tree.body if isinstance(node, Function)]

    @property
    def classes(self) -> list[ast.ClassDef]:
        """The classes of its top level."""
        return [node for node in self.tree.body if isinstance(node, ast.ClassDef)]


def _kept(read: Callable[[str], Found]) -> Callable[[str], Found]:
    """The same function of a source, which remembers what it found last."""
    remembered = lru_cache(_KEPT)(read)

    @wraps(read)
    def kept(source: str) -> Found:
        return remembered(source) if len(source) <= _KEPT_CHARS else read(source)

    return kept


@_kept
def parse(source: str) -> Module | None:
    """The module, or None if the source does not compile."""
    tree = tree_or_error(source)
    if isinstance(tree, str):
        return None
    try:
        with _reading():
            compile(source, "answer", "exec", dont_inherit=True)
            table = symtable.symtable(source, "answer", "exec")
    except _INVALID:
        return None
    return Module(source, tree, *_names(table))


@_kept
def tree_or_error(source: str) -> ast.Module | str:
    """The syntax tree, or what the parser says against the source."""
    if len(source) > _MAX_CHARS:
        return "too long"
    try:
        with _reading():
            return ast.parse(source)
    except _INVALID as error:
        return str(error) or type(error).__name__


def leaves_string_open(error: str) -> bool:
    """Whether the parser says that the source ends inside a string in three quotes."""
    return "unterminated triple-quoted" in error


def is_stub(node: ast.stmt) -> bool:
    """Whether a definition has no content: a docstring, ``pass``, ``...`` or NotImplementedError only."""
    if isinstance(node, ast.ClassDef):
        return all(is_stub(part) for part in node.body)
    if isinstance(node, Function):
        return all(_is_empty(part) for part in node.body)
    return _is_empty(node)


def is_definition(node: ast.stmt) -> bool:
    """Whether a statement of the top level only makes names known."""
    return isinstance(node, Function | ast.ClassDef | ast.Import | ast.ImportFrom) or _is_empty(node)


def is_example(module: Module) -> bool:
    """Whether a module only shows how to use something: it defines nothing and calls what it does not define."""
    has_definitions = bool(module.functions or module.classes)
    return not has_definitions and (bool(module.missing) or not has_calls(module.tree))


def has_effect(module: Module) -> bool:
    """Whether running it does more than define."""
    return any(not is_definition(node) and has_calls(node) for node in module.tree.body)


def has_calls(tree: ast.AST) -> bool:
    """Whether anything is called anywhere in it."""
    return any(isinstance(node, ast.Call) for node in ast.walk(tree))


def reads_input(tree: ast.AST) -> bool:
    """Whether a program reads its standard input, and not a text that it puts in its place."""
    nodes = list(ast.walk(tree))
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    if any(isinstance(node, ast.Call) and _is_text_file(node) for node in nodes):
        return False
    opened = any(isinstance(node, ast.Call) and _opens_input(node) for node in nodes)
    return opened or bool({"input", "stdin", "fileinput"} & (names | attributes))


@contextmanager
def _reading() -> Iterator[None]:
    """One thread at a time has Python read source, and without warnings.

    Python's parser counts its depth for all threads together, and fails where another one comes in between
    (python/cpython#106905). Warnings about an answer's code (invalid escapes, `is` with a number) are nobody's concern.
    """
    with _one_at_a_time, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _is_text_file(call: ast.Call) -> bool:
    """Whether it is ``StringIO("...")`` or the like: an example's input written into the program."""
    name = getattr(call.func, "attr", None) or getattr(call.func, "id", None)
    constant = call.args and isinstance(call.args[0], ast.Constant) and bool(call.args[0].value)
    return name in {"StringIO", "BytesIO"} and bool(constant)


def _opens_input(call: ast.Call) -> bool:
    """Whether it is ``open(0)``, ``os.read(0, n)`` or a call with the name of the device."""
    if not call.args or not isinstance(call.args[0], ast.Constant):
        return False
    name, value = getattr(call.func, "attr", None) or getattr(call.func, "id", None), call.args[0].value
    return value == "/dev/stdin" or (value == 0 and name in {"open", "fdopen", "read"})


def _is_empty(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        return isinstance(error, ast.Name) and error.id == "NotImplementedError"
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


def _names(table: symtable.SymbolTable) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    tables = list(_with_children(table))
    top = table.get_symbols()
    declared = {
        symbol.get_name()
        for inner in tables
        for symbol in inner.get_symbols()
        if symbol.is_declared_global() and symbol.is_assigned()
    }
    defined = {symbol.get_name() for symbol in top if symbol.is_assigned()} | declared
    imported = {symbol.get_name() for symbol in top if symbol.is_imported()}
    read = {
        symbol.get_name()
        for inner in tables
        for symbol in inner.get_symbols()
        if symbol.is_referenced() and symbol.is_global()
    }
    return frozenset(defined), frozenset(imported), frozenset(read - defined - imported - _BUILTINS)


def _with_children(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    waiting = [table]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += found.get_children()
