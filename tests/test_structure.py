"""Imports form no circle, stages know nothing of each other, and private names of upstream have one home."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
STAGES = {"trajectories", "curation", "training", "serving", "evaluation"}
UPSTREAM = {"ray", "vllm", "deepspeed", "transformers", "torch", "omegaconf", "datasets"}
# Modules that their own documentation does not name as an interface.
UNDOCUMENTED = ("ray.dashboard", "ray.experimental", "ray.llm._internal", "vllm.v1.executor", "vllm.v1.engine")
# Not upstream's: an interpreter's exit, and what named tuples and dataclasses offer (and ``_z1_...``, which is ours).
OWN = {"_exit", "_replace", "_asdict", "_fields"}


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax trees of the package's modules by name; a package goes by its own."""
    found = {}
    for path in sorted((ROOT / "z1ray").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text())
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    """Every name that a module imports, at its top or inside a function, with the module before it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@cache
def arrows() -> dict[str, set[str]]:
    """Which module imports which of the package's modules."""
    trees, found = modules(), dict[str, set[str]]()
    for name, tree in trees.items():
        targets = {next((m for m in (full, full.rpartition(".")[0]) if m in trees), "") for full in imported(tree)}
        found[name] = targets - {"", name}
    return found


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Nodes that lie on circles or between them; empty if there is none."""
    left = {name: set(targets) for name, targets in graph.items()}
    while free := [name for name, targets in left.items() if not targets & left.keys()]:
        for name in free:
            del left[name]
    return sorted(left)


def folders(graph: dict[str, set[str]], depth: int) -> dict[str, set[str]]:
    """The same arrows between the folders that the modules lie in, cut off at a depth."""
    merged: dict[str, set[str]] = {}
    for name, targets in graph.items():
        room = room_of(name, depth)
        merged.setdefault(room, set()).update(room_of(target, depth) for target in targets)
    return {room: targets - {room} for room, targets in merged.items()}


def room_of(name: str, depth: int) -> str:
    """The folder of a module at a depth below the package; a module that lies higher is a room of its own."""
    return ".".join(name.split(".")[: depth + 1])


def test_a_circle_is_found():
    """The check itself: two modules that need each other, and one that only leads to them."""
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == ["a", "b", "c"]
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("depth", [1, 2, 9])
def test_imports_form_no_circle(depth):
    """Between files, between a stage's folders, and between rooms; imports inside functions count."""
    assert circle(folders(arrows(), depth)) == []


def test_a_stage_imports_no_other_stage():
    """Each can be run, fed and understood alone; what two of them need lies below both."""
    for name, targets in arrows().items():
        own = name.split(".")[1:2]
        if own and own[0] in STAGES:
            others = {target for target in targets if target.split(".")[1] in STAGES - set(own)}
            assert not others, name


def private_names(tree: ast.Module) -> Iterator[str]:
    """What a module imports of upstream's private and undocumented modules, and touches of private attributes."""
    for full in imported(tree):
        parts = full.split(".")
        if parts[0] in UPSTREAM and (full.startswith(UNDOCUMENTED) or any(part.startswith("_") for part in parts)):
            yield full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr.startswith("_") and not node.attr.startswith("__"):
            own = isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}
            if not own and node.attr not in OWN and not node.attr.startswith("_z1_"):
                yield ast.unparse(node)


def test_private_names_of_upstream_stay_in_their_home():
    """An upgrade of Ray, vLLM, DeepSpeed or transformers then fails in one readable place."""
    found = {
        name: sorted(set(private_names(tree)))
        for name, tree in modules().items()
        if not name.startswith("z1ray.upstream")
    }
    assert {name: names for name, names in found.items() if names} == {}
