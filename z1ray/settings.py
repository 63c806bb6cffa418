"""Settings: a field's meaning, range and role stand at the field; one checker, one way from YAML to a dataclass.

A section is a frozen keyword-only dataclass whose fields are made by :func:`setting` and whose
``__post_init__`` calls :func:`check`::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class EngineConfig:
        replicas: int = setting(1, "Engines that run side by side.", least=1, role="operational")

        def __post_init__(self) -> None:
            check(self, "engine")
"""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, NoReturn, TypeVar

from omegaconf import Container, OmegaConf
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from z1ray.errors import UserError

Role = Literal["identity", "extends", "regrades", "operational"]
"""What changing a setting means for work that was begun with another value.

``identity``: the output would be another one, so the folder is refused. ``extends``: more of it (a further
entry, a larger count) adds to what is there; anything else is refused. ``regrades``: what models wrote stays, and
is judged again; of a section, all its settings that are not operational. ``operational``: how the work is done,
not what comes out; it may change from one start to the next.
"""

_META = "z1ray"
_Section = TypeVar("_Section")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What a field says of itself.

    Attributes:
        text: Its meaning, for people.
        role: See :data:`Role`.
        least, above, most, below: The range of its numbers, ends included for ``least`` and ``most``.
    """

    text: str
    role: Role
    least: float | None = None
    above: float | None = None
    most: float | None = None
    below: float | None = None

    def allows(self, number: float) -> bool:
        """True if the number is in range; NaN never is."""
        return (
            (self.least is None or number >= self.least)
            and (self.above is None or number > self.above)
            and (self.most is None or number <= self.most)
            and (self.below is None or number < self.below)
        )

    @property
    def range_text(self) -> str:
        """The range in words, empty if there is none: ``to 1 or more``, ``from 0 to 1``, ``above 0, up to 1``."""
        if self.least is not None:
            return f"to {self.least:g} or more" if self.most is None else f"from {self.least:g} to {self.most:g}"
        ends = (("above", self.above), ("up to", self.most), ("below", self.below))
        return ", ".join(f"{word} {end:g}" for word, end in ends if end is not None)


def setting(default: Any, text: str, *, role: Role = "identity", **limits: float) -> Any:
    """A dataclass field that carries its meaning, range and role.

    Args:
        default: Its default; a class or function (``dict``, ``EngineConfig``) is called for one;
            ``omegaconf.MISSING`` if it has to be given.
        text: Its meaning, in a sentence or two.
        role: What a change means for work that was begun, see :data:`Role`.
        limits: ``least``, ``above``, ``most`` or ``below``; of a list or mapping, each number's.
    """
    metadata = {_META: Setting(text=text, role=role, **limits)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def described(section: Any) -> Iterator[tuple[str, Setting]]:
    """The fields of a section, class or instance, that were made by :func:`setting`, by name."""
    for each in fields(section):
        if _META in each.metadata:
            yield each.name, each.metadata[_META]


def check(section: Any, name: str) -> None:
    """Check every number of a section against its field's range.

    Args:
        section: The dataclass instance.
        name: The section's own name, which errors put before the field's; none if empty.

    Raises:
        UserError: For the first number out of range.
    """
    for key, about in described(section):
        value = getattr(section, key)
        for path, number in _numbers(f"{name}.{key}" if name else key, value):
            if not about.allows(number):
                remedy = f"set it {about.range_text}"
                optional = ", or leave it out" if _default_of(section, key) is None else ""
                raise UserError(path, number, "it is out of range", remedy + optional)


def changed(section: _Section, values: Mapping[str, Any]) -> _Section:
    """A copy of a section with other values; names are dotted, such as ``batch.max_length``.

    Raises:
        UserError: As for the section itself.
    """
    for path, value in values.items():
        name, _, rest = path.partition(".")
        inner = changed(getattr(section, name), {rest: value}) if rest else value
        section = replace(section, **{name: inner})  # type: ignore[type-var]
    return section


def build(cls: type[_Section], given: Container, *, prefix: str = "", remedy: str = "give it a value") -> _Section:
    """The section that ``given`` describes, over the defaults of ``cls``.

    Args:
        cls: The section's dataclass.
        given: What the user wrote, as OmegaConf holds it.
        prefix: Goes before a field's name in errors.
        remedy: Of a field that has to be given and is not.

    Raises:
        UserError: For an unknown key (the nearest known one is named), a missing one, a value of the
            wrong type, or one out of range.
    """
    try:
        merged = OmegaConf.merge(OmegaConf.structured(cls), given)
        if missing := sorted(OmegaConf.missing_keys(merged)):
            raise UserError(prefix + missing[0], "???", "it has no value and no default", remedy)
        made = OmegaConf.to_object(merged)
    except OmegaConfBaseException as error:
        _refuse(error, given, prefix)
    assert isinstance(made, cls)
    return made


def _refuse(error: OmegaConfBaseException, given: Container, prefix: str) -> NoReturn:
    path, value = prefix + str(error.full_key), _given(given, error)
    if not isinstance(error, ConfigKeyError):
        problem = str(error.msg or error).splitlines()[0]
        raise UserError(path, value, problem, "give it a value of its type") from error
    known = sorted(str(name) for name in getattr(error.object_type, "__dataclass_fields__", {}))
    near = difflib.get_close_matches(str(error.key), known, n=1)
    remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
    raise UserError(path, value, "there is no such key", remedy) from error


def _given(given: Container, error: OmegaConfBaseException) -> object:
    """What the user wrote at the place an error names, before any interpolation."""
    plain: Any = OmegaConf.to_container(given, resolve=False)
    for key in str(error.full_key).replace("[", ".").replace("]", "").split("."):
        if isinstance(plain, dict):
            plain = plain.get(key)
        elif isinstance(plain, list) and key.isdigit():
            plain = plain[int(key)]
    return plain


def _default_of(section: Any, key: str) -> Any:
    return next(each.default for each in fields(section) if each.name == key)


def _numbers(path: str, value: Any) -> Iterator[tuple[str, float]]:
    """The numbers in a value, by their dotted paths."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(f"{path}.{key}", item)
    elif isinstance(value, list):
        for item in value:
            yield from _numbers(path, item)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value
