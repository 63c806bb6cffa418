"""A stage's folder belongs to one configuration and one input, and is done exactly when finished."""

import time
from dataclasses import dataclass, field
from typing import ClassVar

import pytest

from z1ray import artifacts
from z1ray.errors import UserError


@dataclass(frozen=True)
class Config:
    """A stage's section."""

    size: int = 1


@dataclass(frozen=True)
class Workers:
    """A section with a key that only says how."""

    OPERATIONAL: ClassVar[tuple[str, ...]] = ("patience", "teams.*.size")

    patience: int = 1
    teams: dict[str, Config] = field(default_factory=lambda: {"a": Config(), "b": Config()})


def finish(folder, config=None, inputs=None):
    artifacts.begin(folder, config or Config(), inputs)
    return artifacts.finish(folder, time.time(), num_rows=3)


def test_begun_is_half_way_and_finished_is_done(tmp_path):
    """Only a finished stage is skipped; a half-done one goes on."""
    assert artifacts.begin(tmp_path / "a", Config())
    assert artifacts.begin(tmp_path / "a", Config())
    assert not artifacts.is_done(tmp_path / "a", Config())
    manifest = artifacts.finish(tmp_path / "a", time.time(), num_rows=3)
    assert manifest["num_rows"] == 3
    assert manifest["versions"]["ray"]
    assert not artifacts.begin(tmp_path / "a", Config())
    assert artifacts.is_done(tmp_path / "a", Config())


def test_other_settings_are_refused_and_named(tmp_path):
    """Rows of two configurations must never mix in one folder."""
    finish(tmp_path / "a")
    with pytest.raises(UserError, match="size: 1 -> size: 2") as caught:
        artifacts.begin(tmp_path / "a", Config(size=2))
    assert "--force" in str(caught.value)
    assert not artifacts.is_done(tmp_path / "a", Config(size=2))
    assert artifacts.manifest(tmp_path / "a")["num_rows"] == 3


def test_a_stage_that_wrote_nothing_may_be_started_with_mended_settings(tmp_path):
    """A refused setting must not bind the folder to itself."""
    artifacts.begin(tmp_path / "a", Config())
    assert artifacts.begin(tmp_path / "a", Config(size=2))
    (tmp_path / "a" / "data").touch()
    with pytest.raises(UserError, match="size: 2 -> size: 3"):
        artifacts.begin(tmp_path / "a", Config(size=3))


def test_settings_that_say_how_may_change_on_the_way(tmp_path):
    """Work half done is not thrown away to finish it with fewer workers; what it is made of still binds."""
    assert artifacts.begin(tmp_path / "a", Workers())
    (tmp_path / "a" / "data").touch()
    fewer = Workers(patience=5, teams={"a": Config(size=9), "b": Config()})
    assert artifacts.begin(tmp_path / "a", fewer)
    assert "patience: 5" in (tmp_path / "a" / "config.yaml").read_text()
    artifacts.finish(tmp_path / "a", time.time())
    assert artifacts.is_done(tmp_path / "a", Workers())
    with pytest.raises(UserError, match="other settings"):
        artifacts.begin(tmp_path / "a", Workers(teams={"a": Config(), "c": Config()}))


def test_force_starts_afresh(tmp_path):
    """--force is the one way to throw finished work away."""
    finish(tmp_path / "a")
    (tmp_path / "a" / "data").touch()
    assert artifacts.begin(tmp_path / "a", Config(size=2), force=True)
    assert not (tmp_path / "a" / "data").exists()


def test_a_stage_is_stale_once_its_input_was_made_anew(tmp_path):
    """A dataset from older trajectories must not pass for one from the new."""
    finish(tmp_path / "a")
    finish(tmp_path / "b", inputs={"b.source": tmp_path / "a"})
    assert artifacts.is_done(tmp_path / "b", Config())
    artifacts.begin(tmp_path / "a", Config(), force=True)
    assert not artifacts.is_done(tmp_path / "b", Config())
    artifacts.finish(tmp_path / "a", time.time(), num_rows=4)
    assert not artifacts.is_done(tmp_path / "b", Config())
    with pytest.raises(UserError, match="made anew"):
        artifacts.begin(tmp_path / "b", Config(), {"b.source": tmp_path / "a"})


def test_unfinished_input_is_refused(tmp_path):
    """A stage fed half an input would give half a result."""
    artifacts.begin(tmp_path / "a", Config())
    with pytest.raises(UserError, match=r"b\.source(.|\n)*no finished stage"):
        artifacts.begin(tmp_path / "b", Config(), {"b.source": tmp_path / "a"})


def test_unwritable_output_is_told(tmp_path):
    """The folder is tried before any work starts."""
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="output_dir"):
        artifacts.begin(tmp_path / "file" / "a", Config())
