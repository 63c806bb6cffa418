"""A setting's range and meaning stand at its field, and one checker tells what is out of range."""

from dataclasses import dataclass

import pytest
from omegaconf import MISSING, OmegaConf

from z1ray.errors import UserError
from z1ray.settings import build, changed, check, described, setting


@dataclass(frozen=True, kw_only=True)
class Section:
    """One field per kind of range."""

    name: str = setting(MISSING, "Has to be given.")
    count: int = setting(1, "A count.", least=1)
    share: float = setting(0.5, "A share.", least=0, most=1)
    top: float = setting(0.5, "A probability mass.", above=0, most=1)
    level: float = setting(0.5, "A confidence.", above=0, below=1)
    rate: float = setting(0.1, "A rate.", above=0)
    limit: int | None = setting(None, "A count, if any.", least=1)
    amounts: dict[str, float] = setting(dict, "Amounts.", above=0)
    flag: bool = setting(False, "No number.", least=1)

    def __post_init__(self) -> None:
        check(self, "part")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"count": 0}, ["part.count = 0", "set it to 1 or more"]),
        ({"share": 1.5}, ["part.share = 1.5", "set it from 0 to 1"]),
        ({"share": float("nan")}, ["part.share = nan"]),
        ({"top": 0.0}, ["part.top = 0.0", "above 0, up to 1"]),
        ({"level": 1.0}, ["part.level = 1.0", "above 0, below 1"]),
        ({"rate": 0.0}, ["part.rate = 0.0", "set it above 0"]),
        ({"limit": 0}, ["part.limit = 0", "1 or more, or leave it out"]),
        ({"amounts": {"x": 1.0, "y": -1.0}}, ["part.amounts.y = -1.0", "above 0"]),
    ],
)
def test_what_is_out_of_range_is_told_by_field_value_and_remedy(given, told):
    """NaN is out of every range."""
    with pytest.raises(UserError) as caught:
        Section(name="x", **given)
    for part in told:
        assert part in str(caught.value)


def test_the_ends_of_a_range_are_in_it():
    """And a flag is no number, nor is a setting left out."""
    Section(name="x", count=1, share=1.0, top=1.0, limit=None, flag=False)


def test_a_section_is_built_from_plain_settings_or_refused_by_name():
    """What a file says goes over the defaults; an unknown key names the nearest one."""
    assert build(Section, OmegaConf.create({"name": "x", "count": 3})).count == 3
    for given, told in (
        ({"name": "x", "cuont": 3}, "did you mean 'count'"),
        ({"name": "x", "count": "many"}, "args.count = 'many'"),
        ({}, "args.name"),
    ):
        with pytest.raises(UserError, match=told):
            build(Section, OmegaConf.create(given), prefix="args.")


def test_every_field_tells_its_meaning():
    """The reference of settings is made from it."""
    assert dict(described(Section))["share"].text == "A share."


@dataclass(frozen=True, kw_only=True)
class Outer:
    """A section with one inside."""

    name: str = setting("outer", "A name.")
    inner: Section = setting(lambda: Section(name="inner"), "A section.")


def test_a_changed_copy_is_checked_like_the_section_itself():
    """Dotted names reach into inner sections; the original stays, and a value out of range is refused by name."""
    before = Outer()
    after = changed(before, {"name": "other", "inner.count": 3, "inner.share": 1.0})
    assert (after.name, after.inner.name, after.inner.count, after.inner.share) == ("other", "inner", 3, 1.0)
    assert before == Outer()
    with pytest.raises(UserError, match="count"):
        changed(before, {"inner.count": 0})
    with pytest.raises(TypeError, match="cuont"):
        changed(before, {"inner.cuont": 2})
