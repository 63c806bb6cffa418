"""Objects of the other interpreter: calls over two pipes, of which only plain data crosses.

The judge holds proxies of what the answer defines. A proxy does what its object does when it
is called, read, iterated or asked for its length, but it is **never equal to plain data** (nor
less, nor more), and an operation on it and plain data may only give another proxy: an answer
that gives an object equal to everything, where a number was asked for, gains nothing. Two
objects of the answer are compared by the answer's own rule. ``x in proxy`` looks through what
the proxy iterates over.
"""

from __future__ import annotations

import builtins
import operator
import os

from z1ray.grading.inside import plain

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

_UNARY = {name: getattr(operator, name) for name in ("neg", "pos", "abs", "invert")}
_BINARY = {
    name: getattr(operator, f"__{name}__") for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
}
_BINARY |= {name: getattr(operator, f"__{name}__") for name in ("matmul", "and", "or", "xor", "lshift", "rshift")}
_ORDER = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_READ = {"len": len, "str": str, "repr": repr, "bool": bool, "hash": hash, "iter": iter, "next": next, "round": round}
_ITEMS = {name: getattr(operator, name) for name in ("getitem", "setitem", "delitem")}
_ACCESS = {"getattr": getattr, "setattr": setattr, "isinstance": isinstance}
FUNCTIONS: dict[str, Callable[..., Any]] = {**_UNARY, **_BINARY, **_ORDER, **_READ, **_ITEMS, **_ACCESS}
_LONGEST = 2**30  # bytes of a message
_CHANGEABLE = (list, dict, set, bytearray)


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


def update(before: Any, after: Any) -> None:
    """Make an argument what the other side has made of its copy."""
    if type(before) in {list, bytearray}:
        before[:] = after
    elif type(before) in {dict, set}:
        before.clear()
        before.update(after)
    elif hasattr(before, "__dict__"):
        before.__dict__.clear()
        before.__dict__.update(after.__dict__)


def _state(value: Any) -> dict[str, Any]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return {**getattr(value, "__dict__", {}), **{name: getattr(value, name) for name in slots if hasattr(value, name)}}


def _instance(kind: type, state: dict[str, Any], base: Any) -> Any:
    """An instance with the given attributes, none of which may take a method's place."""
    made = kind.__new__(kind) if base is None else type(base).__new__(kind, base)
    if isinstance(base, list | dict | set):
        made.__init__(base)  # type: ignore[misc]
    for name, value in state.items():
        if callable(getattr(kind, name, None)) or name.startswith("__"):
            raise ValueError(f"{name} is no attribute to set")
        object.__setattr__(made, name, value)
    return made


class Proxy:
    """An object of the other side; see the module for what it will not do."""

    __slots__ = ("_z1_base", "_z1_handle", "_z1_peer")

    def __init__(self, peer: Peer, handle: int, base: Any) -> None:
        for name, value in (("peer", peer), ("handle", handle), ("base", base)):
            object.__setattr__(self, f"_z1_{name}", value)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        given = [*arguments, *named.values()]
        changeable = (*_CHANGEABLE, *self._z1_peer.classes.values())
        back = any(type(value) in changeable for value in given)
        result, *after = self._z1_peer.ask("call", self, arguments, named, back)
        for before, now in zip(given, after, strict=back):
            if type(before) in changeable and type(before) is type(now):
                update(before, now)
            result = before if now is result and type(before) is type(now) else result
        return result

    def __getattr__(self, name: str) -> Any:
        return self._z1_peer.ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._z1_peer.ask("setattr", self, name, value)

    def __contains__(self, wanted: Any) -> bool:
        return any(item is wanted or item == wanted for item in iter(self))

    def __iter__(self) -> Iterator[Any]:
        iterator = self._z1_peer.ask("iter", self)
        return iterator if isinstance(iterator, Proxy) else iter(iterator)

    def __instancecheck__(self, value: Any) -> bool:
        return isinstance(value, Proxy) and bool(self._z1_peer.ask("isinstance", value, self))

    def __enter__(self) -> Any:
        return self._z1_peer.ask("getattr", self, "__enter__")()

    def __exit__(self, *error: Any) -> Any:
        return self._z1_peer.ask("getattr", self, "__exit__")(None, None, None)


def _reading(name: str) -> Callable[..., Any]:
    return lambda self, *arguments: self._z1_peer.ask(name, self, *arguments)


def _comparison(name: str) -> Callable[[Proxy, Any], Any]:
    def compare(self: Proxy, other: Any) -> Any:
        if isinstance(other, Proxy):
            return bool(self._z1_peer.ask(name, self, other))
        return NotImplemented if self._z1_base is None else FUNCTIONS[name](self._z1_base, other)

    return compare


def _operation(name: str, reflected: bool = False) -> Callable[..., Any]:
    def operate(self: Proxy, *other: Any) -> Any:
        operands = (*other, self) if reflected else (self, *other)
        if self._z1_base is not None and not any(isinstance(value, Proxy) for value in other):
            return FUNCTIONS[name](*(self._z1_base if value is self else value for value in operands))
        result = self._z1_peer.ask(name, *operands)
        if not isinstance(result, Proxy):
            raise TypeError(f"{name} of an object of the answer gives plain data")
        return result

    return operate


for _name in (*_READ, *_ITEMS):
    if _name != "iter":
        setattr(Proxy, f"__{_name}__", _reading(_name))
for _name in _ORDER:
    setattr(Proxy, f"__{_name}__", _comparison(_name))
for _name in _UNARY:
    setattr(Proxy, f"__{_name}__", _operation(_name))
for _name in _BINARY:
    setattr(Proxy, f"__{_name}__", _operation(_name))
    setattr(Proxy, f"__r{_name}__", _operation(_name, reflected=True))
