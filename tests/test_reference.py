"""The reference of settings is what the code says, and it says something of every setting."""

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest

from z1ray.config import ExperimentConfig
from z1ray.reference import reference
from z1ray.settings import described

CONF = Path(__file__).parent.parent / "conf"


def sections(cls: type) -> set[type]:
    """A section and all that lie in it."""
    found = {cls}

    def collect(hint: Any) -> None:
        if is_dataclass(hint) and isinstance(hint, type) and hint not in found:
            found.update(sections(hint))
        for argument in get_args(hint):
            collect(argument)

    for hint in get_type_hints(cls).values():
        collect(hint)
    return found


def test_the_reference_is_the_codes():
    """A setting that changed and a page that did not would send users astray: run `python -m z1ray.reference`."""
    assert (CONF / "README.md").read_text() == reference()


@pytest.mark.parametrize("section", sorted(sections(ExperimentConfig), key=str))
def test_every_setting_says_what_it_means(section):
    """In a sentence, at the field; numbers that may not be anything have a range."""
    texts = {name: about.text for name, about in described(section)}
    assert texts.keys() == {each.name for each in fields(section)}
    for name, text in texts.items():
        assert text[:1] in '`"(' or text[:1].isupper(), name
        assert text.endswith((".", ")")), name
    assert "Attributes:" not in (section.__doc__ or "")
