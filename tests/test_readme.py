"""What the README tells people to type exists: commands, files, settings, examples."""

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from omegaconf import OmegaConf

from z1ray.config import ExperimentConfig, load

ROOT = Path(__file__).parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "tests/bench/README.md")
TEXT = "\n".join((ROOT / page).read_text() for page in PAGES)
STAGES = ("generate", "curate", "train", "serve", "evaluate")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language in the README."""
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    return found


def settings(cls: type, path: str = "") -> Iterator[str]:
    """Every setting's dotted path; an entry's name in a mapping or list is left out."""
    hints = get_type_hints(cls)
    for each in fields(cls):
        own = f"{path}{each.name}"
        yield own
        stack: list[Any] = [hints[each.name]]
        while stack:
            hint = stack.pop()
            if is_dataclass(hint) and isinstance(hint, type):
                yield from settings(hint, f"{own}.")
            stack.extend(get_args(hint))


def test_every_make_target_exists():
    """A command that is not there is the first thing a newcomer would meet."""
    targets = set(re.findall(r"^([a-z%-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in re.findall(r"(?:`|^)make ([a-z-]+)", TEXT, re.MULTILINE):
        is_bench = name.startswith("bench-") and (ROOT / "tests" / "bench" / f"{name[6:]}.py").exists()
        assert name in targets or is_bench or name == "bench-", name


def test_every_named_file_exists():
    """Links, pictures and paths in commands."""
    for path in set(
        re.findall(r"\b(?:jobs|conf|cluster|tests|z1ray)/[\w/.-]+\.(?:py|ya?ml|sh|json|md|svg|png)\b", TEXT)
    ):
        assert (ROOT / path).exists(), path
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)\)", (ROOT / page).read_text()):
            assert ((ROOT / page).parent / target).exists(), (page, target)


def test_every_named_setting_exists():
    """A setting that was renamed must not live on in the text."""
    known = set(settings(ExperimentConfig))
    named = re.findall(rf"`((?:{'|'.join(STAGES)})\.[a-z_.]+)[=`:]|\b((?:{'|'.join(STAGES)})\.[a-z_.]+)=", TEXT)
    assert named
    for name in {first or second for first, second in named}:
        assert name in known, name


@pytest.mark.parametrize("text", blocks("yaml"))
def test_every_yaml_example_loads(text, tmp_path):
    """Over conf/local.yaml, in place of what it says of the same settings."""
    given = OmegaConf.to_container(OmegaConf.create(text))
    assert isinstance(given, dict)
    whole = OmegaConf.to_container(OmegaConf.load(ROOT / "conf" / "local.yaml"))
    assert isinstance(whole, dict)
    for stage, section in given.items():
        assert stage in STAGES
        whole[stage] = {**whole[stage], **section}
    OmegaConf.save(OmegaConf.create(whole), tmp_path / "example.yaml")
    load(tmp_path / "example.yaml")


def test_every_python_example_imports_what_is_there():
    """And calls functions with words that they take."""
    examples = blocks("python")
    assert examples
    for text in examples:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("z1ray"):
                module = importlib.import_module(str(node.module))
                assert all(hasattr(module, alias.name) for alias in node.names), node.module


def test_every_file_of_the_tree_is_there():
    """The tree is how people find their way."""
    folder = ROOT
    (tree,) = re.findall(r"```\n(jobs/ .*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    for line in tree.splitlines():
        names = re.split(r"\s{2,}", line.strip())[0].split()
        folder = folder if line.startswith(" ") else ROOT
        if not line.startswith(" ") and names[0].endswith("/"):
            folder = ROOT / names[0]
            assert folder.is_dir(), names[0]
            continue
        for name in names:
            assert (folder / name).exists(), (folder, name)
