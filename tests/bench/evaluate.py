"""What one trace for all budgets saves against a run for each: `make bench-evaluate`.

SmolLM2-135M, greedy, float32, 16 sequences at a time, 16 questions that no run ends within the largest budget,
128 tokens. For 4, 8 and 32 evenly spaced budgets, the answers of an evaluation (``answer``: a request for each
question, thought through once) against the same answers as a request of its own for each, which thinks to its own
budget. Both go through the same pipeline with one engine, started once. Seconds are of the whole: the start, Ray
Data and files are in. One round.

The answer's limit is a twentieth of the largest budget, as 400 tokens beside 8,192: longer answers make the
ratios larger, since both sides write them. Runs that end by themselves make them smaller.

The hint is shown, not generated, on both sides; an engine that enforces the window would generate it, so separate
runs cost no less there.

- ``tokens_ratio_N``: tokens generated for N budgets over those of separate runs.
- ``seconds_ratio_N``: the same of seconds.
- ``same_answers_N``: share of the rows whose text and counts are the same.

The last line of output is one JSON object.
"""

import argparse
import json
import os
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path

from z1ray.engine.config import EngineConfig
from z1ray.engine.settings import engine_env
from z1ray.evaluation.answers import answer, ask
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.requests import Question, Sweep, build_questions, requests, sweep
from z1ray.models import embedded
from z1ray.problems.config import SourceConfig
from z1ray.records import EVALUATION_ROW, Row, problem, read_rows
from z1ray.window import WindowConfig

ENGINE = EngineConfig(device="cpu", dtype="float32", max_model_len=512, max_num_seqs=16, enforce_eager=True)
LARGEST = 128
ANSWER_TOKENS = 6
HINT = "\n\nFinal answer:\n\n"
TASKS = ("sort a list", "bake bread", "build a house", "learn chess")
QUESTIONS = [f"Explain in detail how to {task}. Part {part}." for part in range(4) for task in TASKS]
OUTPUT = Path.cwd() / "runs" / "bench" / "evaluate"


def settings(folder: Path, count: int) -> EvaluateConfig:
    """A sweep over ``count`` evenly spaced budgets."""
    return EvaluateConfig(
        models={"smollm2": str(folder.absolute())},
        benchmarks=[SourceConfig(kind="jsonl", path="none", name="tasks")],
        budgets=[LARGEST * number // count for number in range(1, count + 1)],
        window=WindowConfig(answer_tokens=ANSWER_TOKENS, hints={"code": HINT}),
        engine=ENGINE,
    )


def separately(config: EvaluateConfig, swept: Sweep, questions: list[Question], folder: Path) -> list[Row]:
    """A run for each answer, largest budgets first."""
    alone = [replace(config, budgets=[budget]) for budget in sorted(config.budgets, reverse=True)]
    return ask(config, swept, [row for each in alone for row in requests(each, swept, questions, (), {})], [], folder)


def measure(config: EvaluateConfig) -> dict[str, float]:
    """Both sides, for one number of budgets."""
    swept = sweep(config, "smollm2")
    problems = [problem(problem_id=text, source="tasks", question=text) for text in QUESTIONS]
    questions = build_questions(config, swept, "tasks", problems)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    started = time.perf_counter()
    tokens = answer(config, swept, questions, OUTPUT / "ours")
    between = time.perf_counter()
    apart = separately(config, swept, questions, OUTPUT / "apart")
    ours_s, apart_s = between - started, time.perf_counter() - between
    num_apart = sum(row["num_generated"] for row in apart)
    sides = f"{tokens.generated} tokens in {ours_s:.0f} s, separately {num_apart} in {apart_s:.0f} s"
    print(f"{len(config.budgets)} budgets: {sides}", file=sys.stderr, flush=True)
    return {
        "tokens_ratio": tokens.generated / num_apart,
        "seconds_ratio": ours_s / apart_s,
        "same_answers": _same(read_rows(OUTPUT / "ours" / "answers.parquet"), apart),
    }


def _same(ours: list[Row], apart: list[Row]) -> float:
    answers = [each for row in apart for each in row["answers"]]
    by_id = {row["row_id"]: {name: row[name] for name in EVALUATION_ROW.names} for row in answers}
    assert by_id.keys() == {row["row_id"] for row in ours}, "both sides must answer the same"
    return sum(by_id[row["row_id"]] == row for row in ours) / len(ours)


def main() -> None:
    """Measure each number of budgets, print."""
    import ray

    parser = argparse.ArgumentParser()
    parser.add_argument("--counts", type=int, nargs="+", default=[4, 8, 32], help="numbers of budgets")
    counts = parser.parse_args().counts
    os.environ.update(engine_env(ENGINE), HF_HUB_OFFLINE="1", VLLM_LOGGING_LEVEL="ERROR")
    folder = Path("runs") / "models" / embedded.NAME
    embedded.prepare(folder)
    ray.init(address="local", num_cpus=8, include_dashboard=False, object_store_memory=500_000_000)
    figures: dict[str, float] = {}
    for count in counts:
        measured = measure(settings(folder, count))
        figures |= {f"{name}_{count}": round(figure, 3) for name, figure in measured.items()}
    ray.shutdown()
    shutil.rmtree(OUTPUT)
    print(json.dumps({**figures, "largest_budget": LARGEST, "num_questions": len(QUESTIONS)}))


if __name__ == "__main__":
    main()
