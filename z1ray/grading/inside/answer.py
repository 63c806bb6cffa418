"""The answer's side of a run: a process of its own, with the answer's code and none of the tests."""

from __future__ import annotations

import _thread
import builtins
import os
import sys
import types

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from typing import Any

NAME = "answer"
_THREAD_STACK_BYTES = 8 * 2**20
MEMORY = 97  # exit status of a program that ended for want of memory


def serve(incoming: int, outgoing: int, setup: str, code: str) -> None:
    """Run the code, then do what the judge asks of it, until the judge is gone."""
    from z1ray.grading.inside import proxy, remote  # a program without cases is not to wait for it

    streams(os.open(os.devnull, os.O_RDWR), os.open(os.devnull, os.O_RDWR))
    namespace = module(NAME).__dict__
    exec(compile(setup, "setup", "exec", dont_inherit=True), namespace)
    classes = own_classes(namespace)

    def do(operation: str, target: Any, arguments: list[Any]) -> Any:
        if operation == "begin":
            exec(compile(code, NAME, "exec", dont_inherit=True), namespace)
            return _bound(namespace, arguments[0])
        if operation == "call":
            given, named, back = arguments
            return (target(*given, **named), *((*given, *named.values()) if back else ()))
        return proxy.FUNCTIONS[operation](target, *arguments)

    # An answer may bring a class of the same name; the tests' values are then of its class.
    remote.Peer(incoming, outgoing, _Current(classes, namespace), do).listen()


def run(source: int, target: int, job: dict[str, Any]) -> None:
    """Run the code as a program, from one file to another, and end as it ends."""
    streams(source, target)
    namespace = module("__main__").__dict__
    try:
        exec(compile(job["setup"], "setup", "exec", dont_inherit=True), namespace)
        exec(compile(job["code"], f"{NAME}.py", "exec", dont_inherit=True), namespace)
    except MemoryError:
        os._exit(MEMORY)
    except SystemExit:
        # Officially a program that ends itself has ended well, whatever status it gives.
        if not job["livecodebench"]:
            raise


def own_classes(namespace: dict[str, Any]) -> dict[str, type]:
    """Classes that the problem's setup defines."""
    return {name: kind for name, kind in namespace.items() if isinstance(kind, type) and kind.__module__ == NAME}


class _Current(dict[str, type]):
    """The problem's classes as they are bound now."""

    def __init__(self, classes: dict[str, type], namespace: dict[str, Any]) -> None:
        super().__init__(classes)
        self._namespace = namespace

    def __getitem__(self, name: str) -> type:
        kind = self._namespace.get(name)
        return kind if isinstance(kind, type) else super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        return self[name] if super().__contains__(name) else default


def _bound(namespace: dict[str, Any], wanted: list[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Of the wanted names those that are bound, and the base classes of those that are exceptions."""
    found = {name: namespace[name] for name in wanted if name in namespace}
    errors = {name: kind for name, kind in found.items() if isinstance(kind, type) and issubclass(kind, BaseException)}
    return found, {name: [base.__name__ for base in kind.__mro__] for name, kind in errors.items()}


def module(name: str) -> types.ModuleType:
    """A new module for the answer's code, and what such code takes for granted."""
    # Dataclasses and pickling look a class's module up by name.
    made = sys.modules[name] = types.ModuleType(name)
    # The site module, which provides these two, is not loaded here.
    builtins.__dict__.update(exit=sys.exit, quit=sys.exit)
    # The main thread's stack is large, for deep recursion; those of threads would fill the address space.
    _thread.stack_size(_THREAD_STACK_BYTES)
    return made


def streams(source: int, target: int) -> None:
    """Standard input from one file, output to another, errors nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number, file in enumerate((source, target, nowhere)):
        os.dup2(file, number)
    streams = (
        open(0, encoding="utf-8", errors="surrogateescape", closefd=False),  # noqa: SIM115
        open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False),  # noqa: SIM115
        open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False),  # noqa: SIM115
    )
    for name, stream in zip(("stdin", "stdout", "stderr"), streams, strict=True):
        vars(sys).update({name: stream, f"__{name}__": stream})
