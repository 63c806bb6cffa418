"""Objects of the other interpreter, as this one sees them.

A proxy does what its object does when it is called, read, iterated or asked for its length,
but it is **never equal to plain data** (nor less, nor more), and an operation on it and plain
data may only give another proxy: an answer that gives an object equal to everything, where a
number was asked for, gains nothing. What subclasses a builtin type compares by the plain value
it holds. Two objects of the answer are compared by the answer's own rule. ``x in proxy`` looks
through what the proxy iterates over.
"""

from __future__ import annotations

import operator

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from collections.abc import Callable, Iterator
    from typing import Any

    Functions = dict[str, Callable[..., Any]]

_UNARY = {name: getattr(operator, name) for name in ("neg", "pos", "abs", "invert")}
_BINARY = {
    name: getattr(operator, f"__{name}__") for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
}
_BINARY |= {name: getattr(operator, f"__{name}__") for name in ("matmul", "and", "or", "xor", "lshift", "rshift")}
_ORDER = {name: getattr(operator, name) for name in ("eq", "ne", "lt", "le", "gt", "ge")}
_READ: Functions = {
    "len": len,
    "str": str,
    "repr": repr,
    "bool": bool,
    "hash": hash,
    "iter": iter,
    "next": next,
    "round": round,
}
_ITEMS = {name: getattr(operator, name) for name in ("getitem", "setitem", "delitem")}
_ACCESS: Functions = {"getattr": getattr, "setattr": setattr, "isinstance": isinstance}
FUNCTIONS: Functions = {**_UNARY, **_BINARY, **_ORDER, **_READ, **_ITEMS, **_ACCESS}
_CHANGEABLE = (list, dict, set, bytearray)


class Proxy:
    """An object of the other side; see the module for what it will not do."""

    __slots__ = ("_z1_base", "_z1_handle", "_z1_peer")

    def __init__(self, peer: Any, handle: int, base: Any) -> None:
        for name, value in (("peer", peer), ("handle", handle), ("base", base)):
            object.__setattr__(self, f"_z1_{name}", value)

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the object; what it does to its arguments is done to those given."""
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
