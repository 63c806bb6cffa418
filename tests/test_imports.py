"""Importing stays light: a launcher's --help must not load an engine."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("vllm", "deepspeed", "torch", "transformers", "ray", "datasets", "matplotlib")
# Modules that are the home of a heavy import; workers import them, launchers do not.
HOMES = {
    *("z1ray.engine.processor", "z1ray.engine.parts"),
    *("z1ray.upstream.ray_llm", "z1ray.upstream.ray_llm_batch", "z1ray.upstream.vllm_v1", "z1ray.upstream.vllm_stops"),
    *("z1ray.serving.replica.server", "z1ray.serving.replica.answers", "z1ray.serving.replica.metrics"),
    *("z1ray.serving.http.dispatch", "z1ray.serving.http.readiness"),
    *("z1ray.serving.http.access", "z1ray.serving.http.cards", "z1ray.serving.replica.requests"),
    *("z1ray.training.loop", "z1ray.training.engine.loss", "z1ray.miniature.pretrain"),
}


def modules() -> list[str]:
    paths = sorted((ROOT / "z1ray").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names if name not in HOMES]


def loaded_by(imports: str) -> list[str]:
    code = f"import sys\n{imports}\nprint(*[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.split()


def test_ground_floor_is_light():
    """Config, records, prompts and the window need the standard library, omegaconf and pyarrow only."""
    assert not loaded_by("import z1ray.config, z1ray.records, z1ray.prompts, z1ray.window, z1ray.launch")


def test_every_other_module_imports_without_a_heavy_package():
    """A heavy import at the top of any module reaches everything that imports it."""
    assert not loaded_by("\n".join(f"import {name}" for name in modules()))


@pytest.mark.parametrize("job", sorted(path.name for path in (ROOT / "jobs").glob("*.py")))
def test_help_of_every_launcher(job):
    """--help works at once and tells what the job does."""
    done = subprocess.run(
        [sys.executable, f"jobs/{job}", "--help"], capture_output=True, text=True, check=True, cwd=ROOT, timeout=180
    )
    # All take an experiment but those that look at what there is.
    words = {"show.py": ["FOLDER"], "compare.py": ["RUN", "--output"]}.get(job, ["--config", "--force"])
    assert all(word in done.stdout for word in words)
