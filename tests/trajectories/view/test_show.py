"""jobs/show.py on real folders: what a person sees in the terminal, and what reaches the terminal."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.trajectories.made import quarantined, trajectory, write_run
from z1ray.launch import guarded
from z1ray.terminal import printable
from z1ray.trajectories.view import show as view

ROOT = Path(__file__).parents[3]
HOSTILE = "before\x1b]0;owned\x07\x1b[2J\x9b31m\rafter\u202egnp.exe\ttab\nnext line é 中 👩‍💻"


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    rows = [trajectory(f"p/{i}", mode, num_tokens=100 * i + len(mode)) for i in range(6) for mode in ("short", "long")]
    odd = [quarantined("p/bad", "prompt of 9000 tokens over the context"), trajectory("p/hostile", text=HOSTILE)]
    return write_run(tmp_path_factory.mktemp("show") / "trajectories", rows + odd)


def launch(folder: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The launcher in a process of its own, where its terminal matters."""
    command = [sys.executable, "jobs/show.py", str(folder), *words]
    environ = os.environ | {"COLUMNS": "40"} | env
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=180, env=environ, encoding="utf-8")


@pytest.fixture
def show(run, capsys, monkeypatch) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What the launcher does with a command line, in this process."""
    monkeypatch.setenv("COLUMNS", "40")

    def ask(*words: str) -> subprocess.CompletedProcess[str]:
        args = view.parser(None).parse_args([str(run), *words])
        status = guarded(lambda: view.show(args))
        return subprocess.CompletedProcess(words, status, *capsys.readouterr())

    return ask


def shown_ids(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.returncode == 0, done.stderr
    return [line.removeprefix("== ") for line in done.stdout.splitlines() if line.startswith("== ")]


def test_a_trajectory_shows_all_there_is_to_know_of_it(show):
    """Whoever judges a run needs the prompt, the answer and the settings it came from, in one place."""
    done = show("--id", "p/4#long#0")
    assert shown_ids(done) == ["p/4#long#0"]
    told = (
        "tiny-teacher",
        "long, sample 0",
        "17 prompt, 404 output",
        "stop",
        "max_tokens 150, seed 7, temperature 0.7",
    )
    for text in (
        *told,
        "-- system\nThink long.\n",
        "-- user\nSolve p/4.\n",
        "-- trajectory\nThe answer to p/4, long.\n",
    ):
        assert text in done.stdout
    assert "(not finished): long 6, short 8; 1 quarantined. Shown: 1 of 1 that match." in done.stdout


def test_the_options_choose(show):
    """By id, mode, length, failure and at random: the ways people look for trouble."""
    assert shown_ids(show("--longest", "2")) == ["p/5#short#0", "p/5#long#0"]
    assert shown_ids(show("--shortest", "1", "--mode", "short")) == ["p/0#short#0"]
    assert shown_ids(show("--id", "p/3#", "--num", "9")) == ["p/3#short#0", "p/3#long#0"]
    some = shown_ids(show("--mode", "long", "--num", "4", "--seed", "5"))
    assert len(some) == 4
    assert all("#long#" in id_ for id_ in some)
    assert some == shown_ids(show("--mode", "long", "--num", "4", "--seed", "5"))


def test_quarantined_rows_show_their_reason(show):
    """A row without a text must say why instead of showing an empty answer."""
    done = show("--failed")
    assert shown_ids(done) == ["p/bad#short#0"]
    assert "quarantined    prompt of 9000 tokens over the context" in done.stdout
    assert "-- trajectory" not in done.stdout


def test_a_trajectory_cannot_drive_the_terminal(run):
    """A model may write escape sequences; a terminal would obey them. Letters of any script stay as they are."""
    for env in ({}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}):
        done = launch(run, "--id", "hostile", **env)
        text = r"before\x1b]0;owned\x07\x1b[2J\x9b31m\rafter\u202egnp.exe" + "\ttab\nnext line é 中 👩‍💻\n"
        assert text in done.stdout
        assert "\x1b]" not in done.stdout
        assert ("\x1b[" in done.stdout) == bool(env), "colours are for terminals only"


def test_a_terminal_without_the_letters_gets_their_numbers(run):
    """An ASCII terminal on an old cluster node must show the row, not a traceback."""
    done = launch(run, "--id", "hostile", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert r"next line \xe9 \u4e2d \U0001f469" in done.stdout


def test_printable_escapes_every_control_character_and_nothing_else():
    """All of C0 and C1, DEL, line separators and the marks that reorder text."""
    hidden = [*map(chr, [*range(32), *range(127, 160)]), "\u2028", "\u202e", "\u2066", "\ufeff"]
    for char in set(hidden) - {"\n", "\t"}:
        assert printable(char).isascii()
        assert printable(char).isprintable()
    fine = "x = 1\n\tif x: 'é中👩‍💻' \\x1b"
    assert printable(fine) == fine


def test_a_closed_pipe_ends_quietly(run):
    """`show.py ... | head -1` is everyday use and no crash."""
    command = f"{sys.executable} jobs/show.py {run} --num 14 | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT, timeout=180)
    assert done.stdout.startswith("== ")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--mode", "shrt"], "there are: long 6, short 8"),
        (["--id", "p/bda#short#0"], "the closest are: p/bad#short#0"),
        (["--id", "p/3#", "--mode", "tall"], "--mode = 'tall'"),
        (["--failed", "--mode", "long"], "no trajectory of mode 'long' is quarantined"),
        (["--longest", "0"], "--longest = 0"),
    ],
)
def test_asking_for_what_is_not_there(show, words, told):
    """Each mistake says what there is instead, on one screen, with status 2."""
    done = show(*words)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
