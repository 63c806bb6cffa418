"""A launcher's mistakes end on one screen with status 2, and bugs keep their traceback."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from z1ray.config import ExperimentConfig
from z1ray.errors import UserError
from z1ray.launch import guarded, launch
from z1ray.progress import MARK, say, show_lines

ROOT = Path(__file__).parent.parent
LOCAL = str(ROOT / "conf" / "local.yaml")


def run_job(job: str, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, f"jobs/{job}.py", "--config", LOCAL, *words]
    environ = {"PATH": "", "PYTHONPATH": os.environ.get("PYTHONPATH", ""), **env}
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=180, env=environ)


@pytest.mark.parametrize(
    ("job", "word", "told"),
    [
        ("generate", "generate.teachers.smollm2.modell=x", "did you mean 'model'"),
        ("generate", "generate.teachers.smollm2.model=/no", "generate.teachers.smollm2.model = '/no'"),
        ("train", "train.model=/no/such/folder", "train.model = '/no/such/folder'"),
        ("serve", "serve.models.z1-local=/no/such/folder", "serve.models.z1-local = '/no/such/folder'"),
        ("evaluate", "evaluate.models.base=/no/such/folder", "evaluate.models.base = '/no/such/folder'"),
        ("pipeline", "train.max_stepz=1", "did you mean 'max_steps'"),
    ],
)
def test_bad_input_is_told_on_one_screen(job, word, told, tmp_path):
    """Field, value and remedy; no traceback; status 2."""
    done = run_job(job, f"root={tmp_path}", word)
    assert done.returncode == 2
    assert told in done.stderr
    assert "remedy:" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 24


def test_a_checkpoint_folder_without_a_model_says_what_it_lacks(tmp_path):
    """A half-copied checkpoint is found before an engine starts."""
    (tmp_path / "model").mkdir()
    done = run_job("evaluate", f"root={tmp_path}", f"evaluate.models.base={tmp_path / 'model'}")
    assert done.returncode == 2
    assert "config.json" in done.stderr
    assert "safetensors" in done.stderr


def test_a_submitted_job_refuses_a_relative_output(tmp_path):
    """A relative folder would lie in Ray's temporary copy and vanish with it."""
    done = run_job("generate", RAY_JOB_CONFIG_JSON_ENV_VAR="{}")
    assert done.returncode == 2
    assert "root=/mnt/shared" in done.stderr


def test_bugs_keep_their_traceback():
    """Only UserError is the user's; anything else must not be dressed up as advice."""

    def broken() -> int:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        guarded(broken)


def test_statuses(capsys):
    """0 done, 2 user's mistake, 130 interrupted."""

    def wrong() -> int:
        raise UserError("a", 1, "b", "c")

    def interrupted() -> int:
        raise KeyboardInterrupt

    assert guarded(lambda: 0) == 0
    assert guarded(wrong) == 2
    assert "a = 1" in capsys.readouterr().err
    assert guarded(interrupted) == 130


def test_launch_gives_the_stage_its_experiment(tmp_path):
    """Overrides reach the stage, and so does --force."""
    seen = []

    def stage(config: ExperimentConfig, force: bool) -> dict[str, Any]:
        seen.append((config.root, force))
        return {}

    status = launch(stage, "d", ["--config", LOCAL, f"root={tmp_path}", "--force", "name=other"])
    assert (status, seen) == (0, [(str(tmp_path), True)])


def test_a_result_for_programs_stands_alone_on_standard_output(tmp_path):
    """With --json one line of JSON and nothing else, whatever is said meanwhile."""
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "vocab_size": 512, **sizes}))
    done = run_job("plan", f"train.model={tmp_path}", "--gpu", "H100", "--json")
    assert json.loads(done.stdout)["parameters"] > 0
    assert 0 < json.loads(done.stdout)["fill_ratio"] <= 1
    assert "GiB" in done.stderr


@pytest.mark.parametrize(
    ("options", "out", "err"),
    [
        ([], f"{MARK}on the way\n", ""),
        (["--json"], '{"num": 3}\n', f"{MARK}on the way\n"),
        (["--quiet"], "", ""),
        (["--quiet", "--json"], '{"num": 3}\n', ""),
    ],
)
def test_what_is_said_and_what_comes_out_go_separate_ways(options, out, err, capsys):
    """--json moves what is said to standard error, --quiet leaves it out; neither changes the result."""

    def stage(config: ExperimentConfig, force: bool) -> dict[str, Any]:
        say("on the way")
        return {"num": 3}

    assert launch(stage, "d", ["--config", LOCAL, *options]) == 0
    assert tuple(capsys.readouterr()) == (out, err)


def test_levels_choose_what_is_printed(capsys):
    """Progress is INFO; a handler that a program has set up for the logger is left alone."""
    for level, shown in ((logging.INFO, True), (logging.WARNING, False)):
        show_lines(level)
        say("so far")
        assert (MARK in capsys.readouterr().out) == shown
    show_lines()
