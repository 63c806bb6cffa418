"""Values between two interpreters that do not trust each other.

What crosses is plain data: builtin types, rebuilt by a pickle reader that knows no class and
no function, so a hostile writer can make nothing but numbers, texts and containers of them.
Everything else crosses as a note (a tuple of plain data) which the reader resolves by its own
rules after reading: a few types of the standard library, arrays of numbers, instances of the
problem's own classes, and references to objects that stay where they are.
"""

from __future__ import annotations

import _pickle
import builtins
import io
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these would cost more than the run
    from collections.abc import Callable
    from typing import Any

_ATOMS = (type(None), bool, int, float, str, bytes, bytearray)
_PLAIN = frozenset({*_ATOMS, list, tuple, dict, set, frozenset})
_BASES = (int, float, complex, str, bytes, tuple, list, dict, set, frozenset)
_SCALARS = frozenset({int, float, complex, str, bytes})
_LIBRARY = {("collections", name) for name in ("deque", "Counter", "OrderedDict", "defaultdict")} | {
    *(("datetime", name) for name in ("date", "time", "datetime", "timedelta")),
    *(
        ("fractions", "Fraction"),
        ("decimal", "Decimal"),
        ("builtins", "range"),
        ("builtins", "slice"),
        ("builtins", "complex"),
    ),
}
_NAMED_TYPES = frozenset({*_BASES, bool, bytearray, object, type(None), range})
_NUMBERS = "biufcUS"

Note = tuple["Any", ...]


class Mark:
    """Stands for a note until it is resolved; its only content is the note."""

    __slots__ = ("note",)

    def __init__(self, note: Note) -> None:
        self.note = note


class Writer(_pickle.Pickler):
    """Writes values; ``refer`` makes the note for an object that nothing else fits."""

    def __init__(self, file: io.BytesIO, refer: Callable[[Any], Note]) -> None:
        super().__init__(file, 5)
        self._refer = refer

    def persistent_id(self, value: Any) -> Note | None:
        """None for plain data, else the note."""
        kind = type(value)
        return None if kind in _PLAIN else library_note(value, kind) or self._refer(value)


class Reader(_pickle.Unpickler):
    """Reads plain data and marks."""

    num_marks = 0

    def find_class(self, module: str, name: str) -> Any:
        """No class and no function is ever found."""
        raise _pickle.UnpicklingError(f"{module}.{name} is no plain data")

    def persistent_load(self, note: Any) -> Mark:
        """A note, to be resolved when all is read."""
        self.num_marks += 1
        return Mark(note)


def write(value: Any, refer: Callable[[Any], Note]) -> bytes:
    """A value as bytes."""
    file = io.BytesIO()
    Writer(file, refer).dump(value)
    return file.getvalue()


def read(data: bytes, resolve: Callable[[str, list[Any]], Any]) -> Any:
    """The value in the bytes; ``resolve`` gets the notes that are not of the standard library.

    Raises:
        Exception: Of many types, if the bytes are not what ``write`` makes.
    """
    reader = Reader(io.BytesIO(data))
    value = reader.load()
    return _resolved(value, resolve, {}) if reader.num_marks else value


def library_note(value: Any, kind: type) -> Note | None:
    """The note for a type of the standard library or an array; None if it is neither."""
    if kind is type:
        return ("type", value.__name__) if value in _NAMED_TYPES else None
    if value is ... or value is NotImplemented:
        return ("constant", str(value))
    if (kind.__module__, kind.__name__) in _LIBRARY and getattr(
        sys.modules.get(kind.__module__), kind.__name__
    ) is kind:
        return ("library", kind.__module__, kind.__name__, *_parts(value, kind.__name__))
    if kind.__module__ == "numpy" and "numpy" in sys.modules:
        return _array_note(value, sys.modules["numpy"])
    return None


def _parts(value: Any, name: str) -> Note:
    """Arguments that make the value again."""
    if name in {"Fraction", "Decimal"}:
        return (str(value),)
    if name == "deque":
        return (list(value), value.maxlen)
    if name == "defaultdict":
        return (value.default_factory, dict(value))
    if name in {"Counter", "OrderedDict"}:
        return (dict(value),)
    if name in {"range", "slice"}:
        return (value.start, value.stop, value.step)
    if name == "timedelta":
        return (value.days, value.seconds, value.microseconds)
    if name == "complex":
        return (value.real, value.imag)
    date = (value.year, value.month, value.day) if name != "time" else ()
    return date if name == "date" else (*date, value.hour, value.minute, value.second, value.microsecond)


def _array_note(value: Any, numpy: Any) -> Note | None:
    if isinstance(value, numpy.generic):
        return ("plain", value.item())
    if type(value) is numpy.ndarray and value.dtype.kind in _NUMBERS:
        return ("array", value.dtype.str, value.shape, value.tobytes())
    return None


def base_of(value: Any) -> Any:
    """The plain value an instance of a subclass of a builtin type holds; None if it holds none."""
    if isinstance(value, type({}.keys()) | type({}.items())):
        return set(value)
    base: Any
    for base in _BASES:
        if isinstance(value, base):
            # A number or text is taken as it is, whatever its methods say.
            return base.__new__(base, value) if base in _SCALARS else base(value)
    return None


def _resolved(value: Any, resolve: Callable[[str, list[Any]], Any], seen: dict[int, Any]) -> Any:
    """The value with every mark replaced; containers keep their identity where they can change."""
    kind = type(value)
    if kind is not Mark and (kind not in _PLAIN or kind in _ATOMS):
        return value
    if id(value) in seen:
        return seen[id(value)][1]
    if kind in {list, dict, set}:
        seen[id(value)] = (value, value)
        parts = [_resolved(part, resolve, seen) for part in (value.items() if kind is dict else value)]
        value.clear()
        value.extend(parts) if kind is list else value.update(parts)
        return value
    if kind is Mark:
        name, *rest = value.note
        made = _from_note(name, [_resolved(part, resolve, seen) for part in rest], resolve)
    else:
        made = kind(_resolved(part, resolve, seen) for part in value)
    seen[id(value)] = (value, made)
    return made


def _from_note(name: str, parts: list[Any], resolve: Callable[[str, list[Any]], Any]) -> Any:
    if name == "plain":
        return parts[0]
    if name == "constant":
        return ... if parts[0] == "Ellipsis" else NotImplemented
    if name == "type":
        return next(kind for kind in _NAMED_TYPES if kind.__name__ == parts[0])
    if name == "library":
        module, kind, *arguments = parts
        if (module, kind) not in _LIBRARY:
            raise ValueError(f"{kind} is no plain data")
        return getattr(builtins if module == "builtins" else __import__(module), kind)(*arguments)
    if name == "array":
        numpy, (dtype, shape, data) = __import__("numpy"), parts
        if dtype[1] not in _NUMBERS:
            raise ValueError(f"an array of {dtype} is no plain data")
        return numpy.frombuffer(data, dtype).reshape(shape).copy()
    return resolve(name, parts)
