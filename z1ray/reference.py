"""The reference of all settings, from the dataclasses themselves: ``python -m z1ray.reference > conf/README.md``."""

import sys
from collections.abc import Iterator
from dataclasses import MISSING as NO_DEFAULT
from dataclasses import Field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from omegaconf import MISSING

from z1ray.config import ExperimentConfig
from z1ray.settings import Setting, described

_INTRODUCTION = """\
# Settings

One YAML file is one experiment. What it leaves out has the default given here; words like `train.seed=1` after a
command replace what the file says. `${...}` refers to another setting (`${output_dir}`, `${root}`).

"Change" says what a new value means for a folder that was begun with another one: **new** work (another `name=`, or
`--force`), work that is **extended** by what was added, answers that stay and are **graded again**, or **any** time,
since it does not decide what comes out.

This file is made from the code: `python -m z1ray.reference > conf/README.md`.
"""
_CHANGES = {"identity": "new", "extends": "extended", "regrades": "graded again", "operational": "any"}


def reference() -> str:
    """The whole text, in Markdown: a table per section, each class once."""
    return "\n".join([_INTRODUCTION, *_sections(ExperimentConfig, "The experiment", {})]) + "\n"


def _sections(cls: type, title: str, done: dict[type, str]) -> Iterator[str]:
    """A class's table, then those of the classes of its fields that have none yet."""
    done[cls] = title
    inner: dict[type, str] = {}
    about, hints = dict(described(cls)), get_type_hints(cls)
    yield f"## {title}\n"
    yield f"{_first_paragraph(cls)}\n"
    yield "| setting | type | default | change | meaning |\n|---|---|---|---|---|"
    for each in fields(cls):
        for found in _classes(hints[each.name]):
            if found not in done:
                inner.setdefault(found, f"{title}.{each.name}" if title[0].islower() else each.name)
        yield _line(each, hints[each.name], about.get(each.name), done | inner)
    yield ""
    for found, name in inner.items():
        if found not in done:
            yield from _sections(found, name, done)


def _line(each: "Field[Any]", hint: Any, about: Setting | None, titles: dict[type, str]) -> str:
    text = about.text if about is not None else "See below."
    if about is not None and about.range_text:
        text += f" Range: {about.range_text.removeprefix('to ')}."
    links = [f"[{titles[found]}](#{_anchor(titles[found])})" for found in _classes(hint)]
    if links:
        text += f" Settings: {', '.join(links)}."
    change = "" if about is None or (links and about.role == "identity") else _CHANGES[about.role]
    cells = (f"`{each.name}`", _type(hint), _default(each), change, text)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _first_paragraph(cls: type) -> str:
    return " ".join((cls.__doc__ or "").split("\n\n")[0].split()).replace("->", "→")


def _anchor(title: str) -> str:
    return title.lower().replace(".", "").replace(" ", "-")


def _classes(hint: Any) -> list[type]:
    """The sections in a type: ``EngineConfig`` in ``dict[str, EngineConfig]``."""
    if is_dataclass(hint) and isinstance(hint, type):
        return [hint]
    return [found for argument in get_args(hint) for found in _classes(argument)]


def _type(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in {Union, UnionType}:
        return " or ".join(_type(argument) for argument in arguments if argument is not NoneType)
    if origin is list:
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping to {_type(arguments[1])}"
    if is_dataclass(hint):
        return "section"
    return {str: "text", int: "integer", float: "number", bool: "true, false", Any: "any"}.get(hint, str(hint))


def _default(each: "Field[Any]") -> str:
    value = each.default if each.default is not NO_DEFAULT else each.default_factory()  # type: ignore[operator]
    if value == MISSING:
        return "required"
    if value is None or is_dataclass(value):
        return ""
    if isinstance(value, str):
        return f"`{value!r}`" if "\n" in value or not value else f"`{value}`"
    return f"`{value!r}`" if not isinstance(value, bool) else f"`{str(value).lower()}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
