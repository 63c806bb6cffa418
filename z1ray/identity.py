"""What a stage's output stands for: its settings as dotted keys, and what changed between two starts."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple

from z1ray.settings import Role, Setting, described


class Leaf(NamedTuple):
    """One value among a stage's settings.

    Attributes:
        value: A number, text, None, or a list of these.
        role: The field's.
        entries: The dotted paths of the entries around it that were added to a setting which may be extended.
    """

    value: Any
    role: Role
    entries: tuple[str, ...]


class Change(NamedTuple):
    """The difference between the settings of two starts.

    Attributes:
        refused: What changed that must not, as ``key: old -> new``.
        grown: Keys of what was only added to, or only makes the stage judge again what it has.
    """

    refused: list[str]
    grown: list[str]


def leaves(config: Any) -> dict[str, Leaf]:
    """The settings that decide what the output is, by dotted key; operational ones are left out.

    Args:
        config: A section (dataclass) or a plain mapping.
    """
    return dict(_walk("", config, "identity", ()))


def values(config: Any) -> dict[str, Any]:
    """``leaves`` as plain data, for a file."""
    return {key: leaf.value for key, leaf in leaves(config).items()}


def compare(old: Mapping[str, Any], config: Any) -> Change:
    """What changed from the recorded values ``old`` to ``config``."""
    new = leaves(config)
    refused: list[str] = []
    grown: list[str] = []
    for key in [*new, *(key for key in old if key not in new)]:
        leaf = new.get(key)
        if leaf is None:
            refused.append(f"{key}: {old[key]} -> not set")
        elif key not in old:
            is_new = any(not _has(old, entry) for entry in leaf.entries)
            (grown if is_new else refused).append(key if is_new else f"{key}: not set -> {leaf.value}")
        elif old[key] != leaf.value:
            allowed = leaf.role == "regrades" or (leaf.role == "extends" and _is_more(old[key], leaf.value))
            (grown if allowed else refused).append(key if allowed else f"{key}: {old[key]} -> {leaf.value}")
    return Change(refused, grown)


def _walk(path: str, value: Any, role: Role, entries: tuple[str, ...]) -> Iterator[tuple[str, Leaf]]:
    if is_dataclass(value):
        about: dict[str, Setting] = dict(described(value))
        for each in fields(value):
            own = about[each.name].role if each.name in about else "identity"
            if own != "operational":
                inner = "regrades" if role == "regrades" else own
                yield from _walk(_join(path, each.name), getattr(value, each.name), inner, entries)
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _walk_entry(_join(path, str(name)), item, role, entries)
    elif isinstance(value, list) and any(is_dataclass(item) or isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value):
            yield from _walk_entry(f"{path}[{number}]", item, role, entries)
    else:
        yield path, Leaf(value, role, entries)


def _walk_entry(path: str, item: Any, role: Role, entries: tuple[str, ...]) -> Iterator[tuple[str, Leaf]]:
    """An entry of a mapping or list; its values are fixed once it is there, unless their own fields say otherwise."""
    return _walk(path, item, "identity", (*entries, path) if role == "extends" else entries)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _has(old: Mapping[str, Any], entry: str) -> bool:
    return any(key == entry or key.startswith((f"{entry}.", f"{entry}[")) for key in old)


def _is_more(old: Any, new: Any) -> bool:
    if isinstance(old, list) and isinstance(new, list):
        return all(item in new for item in old)
    if isinstance(old, int | float) and isinstance(new, int | float):
        return new > old
    return False
