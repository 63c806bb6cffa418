"""A conversation of two interpreters over two pipes, of which only plain data crosses (see ``plain``)."""

from __future__ import annotations

import builtins
import os

from z1ray.grading.inside import plain
from z1ray.grading.inside.proxy import Proxy

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from collections.abc import Callable, Mapping
    from typing import Any

_LONGEST = 2**30  # bytes of a message


class Gone(BaseException):
    """The other side has ended, or does not speak as agreed. No test's ``except Exception`` catches it."""


class Closed(Gone):
    """The other side has ended."""


class Peer:
    """One end of the conversation.

    Args:
        incoming, outgoing: Two pipes.
        classes: The problem's own classes by name, whose instances cross with their attributes.
        serve: What to do for the other side; gets the operation, the object and the arguments.
    """

    def __init__(
        self, incoming: int, outgoing: int, classes: Mapping[str, type], serve: Callable[[str, Any, list[Any]], Any]
    ) -> None:
        self._stream, self._outgoing = open(incoming, "rb"), outgoing  # noqa: SIM115
        self.classes, self._serve = classes, serve
        self._kept: list[Any] = []
        self._handles: dict[int, int] = {}
        self.exceptions: dict[str, type[BaseException]] = {}

    def ask(self, operation: str, target: Any, *arguments: Any) -> Any:
        """What the other side answers, or the exception it raises."""
        self._send(("do", operation, target, list(arguments)))
        while True:
            kind, *rest = self._receive()
            if kind == "do":
                self.answer(*rest)
            elif kind == "value":
                return rest[0]
            else:
                raise self._exception(operation, *rest)

    def listen(self) -> None:
        """Serve until the other side closes."""
        while True:
            _, *request = self._receive()
            self.answer(*request)

    def answer(self, operation: str, target: Any, arguments: list[Any]) -> None:
        """Do what was asked and send the result or the exception."""
        try:
            reply = plain.write(("value", self._serve(operation, target, arguments)), self._note)
        except Gone:
            raise
        except BaseException as error:  # noqa: BLE001 (whatever the other side's request raises is its result)
            names = [kind.__name__ for kind in type(error).__mro__]
            texts = [argument for argument in getattr(error, "args", ()) if type(argument) in {str, int, float}]
            reply = plain.write(("raise", names, texts), self._note)
        self._transmit(reply)

    def _exception(self, operation: str, names: list[str], arguments: list[Any]) -> BaseException:
        """The same exception here; a stop that nobody iterates for would end the test's own loop early."""
        known = (self.exceptions.get(name) or getattr(builtins, str(name), None) for name in names)
        kind = next((k for k in known if isinstance(k, type) and issubclass(k, BaseException)), RuntimeError)
        if issubclass(kind, StopIteration | StopAsyncIteration | GeneratorExit) and operation != "next":
            return RuntimeError(f"the answer raised {kind.__name__}")
        try:
            return kind(*arguments)
        except TypeError:
            return kind.__new__(kind)

    def _send(self, message: Any) -> None:
        self._transmit(plain.write(message, self._note))

    def _transmit(self, data: bytes) -> None:
        try:
            message = memoryview(len(data).to_bytes(8, "big") + data)
            while message:
                message = message[os.write(self._outgoing, message) :]
        except OSError as error:
            raise Closed from error

    def _receive(self) -> tuple[Any, ...]:
        size = self._stream.read(8)
        if not size:
            raise Closed
        num_bytes = int.from_bytes(size, "big")
        if num_bytes > _LONGEST:
            raise Gone("not a message")
        try:
            data = self._stream.read(num_bytes)
            message = plain.read(data, self._resolve)
            assert type(message) is tuple
            assert message[0] in {"do", "value", "raise"}
            return message
        except MemoryError:
            raise
        except Exception as error:
            # Bytes that are no message may fail to be read in any way.
            raise Gone("not a message") from error

    def _note(self, value: Any) -> plain.Note:
        if isinstance(value, Proxy) and value._z1_peer is self:
            return ("yours", value._z1_handle)
        kind = type(value)
        if self.classes.get(kind.__name__) is kind:
            if hasattr(kind, "__members__"):
                return ("member", kind.__name__, value.name)
            return ("object", kind.__name__, _state(value), plain.base_of(value))
        if self._handles.get(id(value)) is None:
            self._handles[id(value)] = len(self._kept)
            self._kept.append(value)
        return ("mine", self._handles[id(value)], plain.base_of(value))

    def _resolve(self, name: str, parts: list[Any]) -> Any:
        if name == "mine":
            return Proxy(self, *parts)
        if name == "yours":
            return self._kept[parts[0]]
        kind = self.classes[parts[0]]
        if name == "member":
            return kind.__members__[parts[1]]  # type: ignore[attr-defined]
        assert name == "object"
        return _instance(kind, *parts[1:])


def _state(value: Any) -> dict[str, Any]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return {**getattr(value, "__dict__", {}), **{name: getattr(value, name) for name in slots if hasattr(value, name)}}


def _instance(kind: type, state: dict[str, Any], base: Any) -> Any:
    """An instance with the given attributes, none of which may take a method's place."""
    create: Callable[..., Any] = kind.__new__ if base is None else type(base).__new__
    made = create(kind) if base is None else create(kind, base)
    if isinstance(base, list | dict | set):
        type(base).__init__(made, base)
    for name, value in state.items():
        if callable(getattr(kind, name, None)) or name.startswith("__"):
            raise ValueError(f"{name} is no attribute to set")
        object.__setattr__(made, name, value)
    return made
