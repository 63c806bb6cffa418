"""A stage's folder belongs to one configuration and one input, and is done exactly when finished."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from z1ray import artifacts
from z1ray.errors import UserError
from z1ray.settings import setting


@dataclass(frozen=True)
class Config:
    """A stage's section."""

    size: int = 1


@dataclass(frozen=True)
class Team:
    """An entry of a mapping."""

    size: int = setting(1, "Operational below an entry.", role="operational")
    kind: str = setting("a", "Fixed once the entry is there.")
    count: int = setting(1, "May grow.", role="extends")


@dataclass(frozen=True)
class Workers:
    """A section with a setting of each role."""

    patience: int = setting(1, "Says how.", role="operational")
    teams: dict[str, Team] = setting(lambda: {"a": Team(), "b": Team()}, "More may be added.", role="extends")
    budgets: list[int] = setting(lambda: [1, 2], "More may be added.", role="extends")
    limits: Team = setting(Team, "What is there is judged again.", role="regrades")
    fixed: dict[str, int] = setting(dict, "Its entries are what comes out.")


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
    with pytest.raises(UserError, match="size: 1 -> 2") as caught:
        artifacts.begin(tmp_path / "a", Config(size=2))
    assert "--force" in str(caught.value)
    assert not artifacts.is_done(tmp_path / "a", Config(size=2))
    assert artifacts.manifest(tmp_path / "a")["num_rows"] == 3


def test_a_stage_that_wrote_nothing_may_be_started_with_fixed_settings(tmp_path):
    """A refused setting must not bind the folder to itself."""
    artifacts.begin(tmp_path / "a", Config())
    assert artifacts.begin(tmp_path / "a", Config(size=2))
    (tmp_path / "a" / "data").touch()
    with pytest.raises(UserError, match="size: 2 -> 3"):
        artifacts.begin(tmp_path / "a", Config(size=3))


def test_settings_that_say_how_may_change_on_the_way(tmp_path):
    """Work half done is not thrown away to finish it with fewer workers; what it is made of still binds."""
    assert artifacts.begin(tmp_path / "a", Workers())
    (tmp_path / "a" / "data").touch()
    fewer = Workers(patience=5, teams={"a": Team(size=9), "b": Team()}, limits=Team(size=9))
    assert artifacts.begin(tmp_path / "a", fewer)
    assert "patience: 5" in (tmp_path / "a" / "config.yaml").read_text()
    artifacts.finish(tmp_path / "a", time.time())
    assert artifacts.is_done(tmp_path / "a", Workers())


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (Workers(teams={"a": Team(), "c": Team()}), "teams.b.kind: a -> not set"),
        (Workers(teams={"a": Team(kind="x"), "b": Team()}), "teams.a.kind: a -> x"),
        (Workers(teams={"a": Team(count=0), "b": Team()}), "teams.a.count: 1 -> 0"),
        (Workers(budgets=[1]), r"budgets: \[1, 2\] -> \[1\]"),
        (Workers(fixed={"x": 1}), "fixed.x: not set -> 1"),
    ],
)
def test_what_differs_is_named_by_its_dotted_key(tmp_path, changed, told):
    """Also where a mapping grew or shrank, which shifts every line of the YAML behind it."""
    finish(tmp_path / "a", Workers())
    with pytest.raises(UserError, match=told) as caught:
        artifacts.begin(tmp_path / "a", changed)
    assert "->" in str(caught.value)


@pytest.mark.parametrize(
    "more",
    [
        Workers(teams={"c": Team(kind="x"), "a": Team(), "b": Team()}),
        Workers(teams={"a": Team(count=2), "b": Team()}),
        Workers(budgets=[0, 1, 2]),
    ],
)
def test_more_of_what_may_grow_is_work_to_do_again(tmp_path, more):
    """A finished folder is extended in place, and then belongs to the larger configuration."""
    finish(tmp_path / "a", Workers())
    (tmp_path / "a" / "data").touch()
    assert not artifacts.is_done(tmp_path / "a", more)
    assert artifacts.begin(tmp_path / "a", more)
    assert not (tmp_path / "a" / artifacts.MANIFEST).exists()
    assert (tmp_path / "a" / "data").exists()
    artifacts.finish(tmp_path / "a", time.time())
    assert artifacts.is_done(tmp_path / "a", more)
    with pytest.raises(UserError, match="other settings"):
        artifacts.begin(tmp_path / "a", Workers())


def test_what_is_only_judged_by_may_change_either_way(tmp_path):
    """A finished folder is work to do again then, with what is there; back to the old limits, too."""
    finish(tmp_path / "a", Workers())
    (tmp_path / "a" / "data").touch()
    for config in (Workers(limits=Team(kind="x", count=0)), Workers()):
        artifacts.require_own(tmp_path / "a", config)
        assert not artifacts.is_done(tmp_path / "a", config)
        assert artifacts.begin(tmp_path / "a", config)
        assert (tmp_path / "a" / "data").exists()
        artifacts.finish(tmp_path / "a", time.time())
        assert artifacts.is_done(tmp_path / "a", config)


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


def test_the_codes_version_tells_a_changed_file(tmp_path):
    """Rows made by code that no commit holds must not pass for those of the commit."""
    shutil.copytree(Path(artifacts.__file__).parent, tmp_path / "z1ray", ignore=shutil.ignore_patterns("__pycache__"))
    git = ["git", "-C", str(tmp_path), "-c", "user.name=n", "-c", "user.email=e@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*git, *words], check=True)

    def told() -> str:
        ask = "import sys; sys.dont_write_bytecode = True; from z1ray.artifacts import code_version as c; print(c())"
        done = subprocess.run([sys.executable, "-c", ask], cwd=tmp_path, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    commit = told()
    assert len(commit) == 12
    with (tmp_path / "z1ray" / "window.py").open("a") as file:
        file.write("# changed\n")
    assert told() == commit + "+"
    shutil.rmtree(tmp_path / ".git")
    assert told() == artifacts.package_versions("z1ray")["z1ray"]
