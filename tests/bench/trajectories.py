"""Synthetic trajectories for the benchmark of curation: realistic ones with planted duplicates, and templated ones."""

import sysconfig
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tests.bench.workload import make_requests
from z1ray import artifacts
from z1ray.problems.config import SourceConfig
from z1ray.records import PROBLEM, TRAJECTORY, Row, problem, trajectory_id, write_rows

CHARS_PER_TOKEN = 4.0
_ROWS_PER_FILE = 1024
_PLANTED = 0.1
_MODES = ("short", "long")


@dataclass(frozen=True, slots=True)
class Pair:
    """A planted duplicate: ids of the two rows, and their similarity by plain sets of five words."""

    original: str
    copy: str
    similarity: float


def write_realistic(folder: Path, num_rows: int, seed: int, chars_per_token: float = CHARS_PER_TOKEN) -> list[Pair]:
    """Write a finished folder of trajectories. Returns what was planted."""
    rng = np.random.default_rng(seed)
    lines = _library()
    num_planted = int(_PLANTED * num_rows)
    num_problems = (num_rows - num_planted) // 2
    requests = make_requests(num_problems, seed)
    planted = set(rng.choice(2 * num_problems, num_planted, replace=False).tolist())
    pairs: list[Pair] = []
    problems: list[Row] = []

    def rows() -> Iterator[Row]:
        for index, num_tokens in enumerate(requests.output_tokens.tolist()):
            number, mode = index // 2, _MODES[index % 2]
            if mode == _MODES[0]:
                question = f"Task {number}. " + _text(lines, int(requests.question_length[index]), rng)
                problems.append(_problem(f"made/{number}", question))
            original = _row(f"made/{number}", mode, 0, _text(lines, int(chars_per_token * num_tokens), rng))
            yield original
            if index in planted:
                copy, similar = _planted(original, problems[-1]["question"], len(pairs) % 3, problems, rng)
                pairs.append(Pair(original["trajectory_id"], copy["trajectory_id"], similar))
                yield copy

    _write(folder, rows(), problems)
    return pairs


def _planted(
    original: Row, question: str, kind: int, problems: list[Row], rng: np.random.Generator
) -> tuple[Row, float]:
    """A duplicate of a row, and how similar the two are; one under a problem of its own adds that problem."""
    text, mode = original["text"], original["mode"]
    if kind == 0:
        return _row(original["problem_id"], mode, 1, text), 1.0
    if kind == 1:
        own = _problem(f"copied/{original['trajectory_id'].replace('/', '-')}", question.lower() + "!")
        problems.insert(0, own)
        return _row(own["problem_id"], mode, 0, text.replace(",", " ;").upper()), 1.0
    copy = _copy(text, rng)
    return _row(original["problem_id"], mode, 1, copy), similarity(text, copy)


def write_templated(folder: Path, num_rows: int, seed: int) -> None:
    """Write trajectories from templates: half answer one question, the others a question each from a template."""
    rng = np.random.default_rng(seed)
    words = [word for line in _library()[:20_000] for word in line.split() if word.isalpha()]
    template = " ".join(words[:400]).split()
    problems: list[Row] = [_problem("made/one", "What does the report say?")]

    def filled(num_words: int, share: float) -> str:
        text = list(template[:num_words])
        for place in rng.choice(num_words, int(share * num_words), replace=False):
            text[place] = words[rng.integers(len(words))]
        return " ".join(text)

    def rows() -> Iterator[Row]:
        for number in range(num_rows):
            # About 0.3 to 0.7 similar: below the threshold, and still in one bucket with many others.
            text = filled(400, rng.uniform(0.03, 0.08))
            if number % 2:
                problems.append(_problem(f"made/{number}", filled(100, 0.06)))
                yield _row(f"made/{number}", "long", 0, text)
            else:
                yield _row("made/one", "long", number, text)

    _write(folder, rows(), problems)


def similarity(a: str, b: str) -> float:
    """Jaccard similarity of the sets of five words in a row."""
    first, second = ({tuple(words[i : i + 5]) for i in range(len(words) - 4)} for words in (a.split(), b.split()))
    return len(first & second) / max(1, len(first | second))


def _library() -> list[str]:
    """Lines of Python's standard library."""
    files = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))
    text = (path.read_text(encoding="utf-8", errors="replace").splitlines() for path in files)
    return [line for line in chain.from_iterable(text) if len(line.split()) > 2]


def _text(lines: list[str], num_chars: int, rng: np.random.Generator) -> str:
    mean = 45
    picked = rng.integers(0, len(lines), max(2, num_chars // mean))
    return "\n".join([lines[number] for number in picked])


def _copy(text: str, rng: np.random.Generator) -> str:
    """The text with at most one word in fifty replaced, in one place."""
    words = text.split(" ")
    num = max(1, len(words) // 50)
    start = int(rng.integers(0, len(words) - num + 1))
    return " ".join([*words[:start], *(f"w{rng.integers(10**6)}" for _ in range(num)), *words[start + num :]])


def _problem(name: str, question: str) -> Row:
    return problem(problem_id=name, source="made", question=question)


def _row(name: str, mode: str, sample: int, text: str) -> Row:
    blank: Row = dict.fromkeys(TRAJECTORY.names)
    facts = {"problem_id": name, "mode": mode, "sample": sample, "text": text, "finish_reason": "stop"}
    return {**blank, "trajectory_id": trajectory_id(name, mode, sample), "num_tokens": 1, **facts}


def _write(folder: Path, rows: Iterable[Row], problems: list[Row]) -> None:
    artifacts.begin(folder, SourceConfig(kind="jsonl", path="made"), force=True)
    for number, part in enumerate(_batched(rows, _ROWS_PER_FILE)):
        write_rows(part, folder / "data" / f"{number:05d}.parquet", TRAJECTORY)
    pq.write_table(pa.Table.from_pylist(problems, schema=PROBLEM), folder / "problems.parquet")
    artifacts.finish(folder, time.time())


def _batched(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    left = iter(rows)
    while part := list(islice(left, size)):
        yield part
