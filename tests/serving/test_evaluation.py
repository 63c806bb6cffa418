"""The endpoint under evaluation: by z1ray's own sweep over HTTP, and by lm-eval, which knows nothing of z1ray."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.serving.conftest import KEYS, SMALL, Changing
from z1ray.engine.tokens import text_token_ids
from z1ray.evaluation.config import EvaluateConfig
from z1ray.evaluation.endpoints import EndpointConfig
from z1ray.evaluation.evaluate import evaluate
from z1ray.problems.config import SourceConfig
from z1ray.problems.load import load_problems
from z1ray.records import Row, read_rows
from z1ray.serving.endpoint import address
from z1ray.window import CODE_HINT

pytestmark = [pytest.mark.ray, pytest.mark.vllm]

BUDGET = 32
SUMS = SourceConfig(
    kind="reasoning_gym",
    task="chain_sum",
    name="sums",
    limit=50,
    seed=1,
    options={"min_terms": 4, "max_terms": 7, "min_digits": 1, "max_digits": 1},
)
# A task of lm-eval, which greedily asks the same questions and takes the last number after "Answer:".
TASK = """\
task: sums
dataset_path: json
dataset_kwargs: {{data_files: {{test: {questions}}}}}
test_split: test
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
generation_kwargs: {{until: [], do_sample: false}}
filter_list:
  - name: last-answer
    filter:
      - {{function: regex, regex_pattern: 'Answer: (-?\\d+)', group_select: -1}}
      - {{function: take_first}}
metric_list: [{{metric: exact_match, aggregation: mean, higher_is_better: true}}]
"""


def accuracy(rows: list[Row], budget: int) -> float:
    correct: list[bool] = [row["correct"] for row in rows if row["thinking_budget"] == budget]
    return sum(correct) / len(correct)


@pytest.fixture(scope="module")
def rows(changing: Changing, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The graded rows of a sweep over HTTP, of the base of the miniature."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "key").write_text(KEYS["alice"])
    url, key = f"{address(changing.config)}/v1", f"file:{folder / 'key'}"
    config = EvaluateConfig(
        endpoints={"over-http": EndpointConfig(url=url, model=SMALL, api_key=key)},
        benchmarks=[SUMS],
        budgets=[BUDGET, -1],
        window=changing.config.window,
    )
    assert evaluate(config, folder / "evaluation")["num_rows"] == 100
    return read_rows(folder / "evaluation" / "rows.parquet")


def test_a_sweep_over_http_is_a_sweep(changing: Changing, rows: list[Row]) -> None:
    """Rows as of a model of our own: cut exactly, counted in the model's tokens, graded."""
    hint_tokens = len(text_token_ids(changing.config.models[SMALL], CODE_HINT))
    cut = [row for row in rows if row["cut"]]
    assert {(row["thinking_budget"], row["thinking_tokens"], row["hint_tokens"]) for row in cut} == {
        (BUDGET, BUDGET, hint_tokens)
    }
    assert all(
        CODE_HINT in row["text"] and 0 < row["answer_tokens"] <= changing.config.window.answer_tokens for row in cut
    )
    assert 0 < accuracy(rows, BUDGET) < accuracy(rows, -1) <= 1


def test_lm_eval_finds_the_same_accuracy(changing: Changing, rows: list[Row], tmp_path: Path) -> None:
    """Under the same budget, which travels in its own ``gen_kwargs``; 50 problems, its own grading."""
    assert lm_eval(changing, tmp_path) == accuracy(rows, BUDGET)


def lm_eval(changing: Changing, folder: Path) -> float:
    """The accuracy that lm-eval's command line finds at ``BUDGET``."""
    questions = folder / "sums.jsonl"
    asked = [{"question": row["question"], "answer": row["tests"]["reference"]} for row in load_problems([SUMS])]
    questions.write_text("".join(json.dumps(row) + "\n" for row in asked))
    (folder / "sums.yaml").write_text(TASK.format(questions=questions))
    hint = text_token_ids(changing.config.models[SMALL], CODE_HINT)
    limit = BUDGET + len(hint) + changing.config.window.answer_tokens
    url = f"{address(changing.config)}/v1/chat/completions"
    words = {
        "--model": "local-chat-completions",
        "--model_args": f"model={SMALL},base_url={url},num_concurrent=4",
        "--include_path": str(folder),
        "--tasks": "sums",
        "--system_instruction": "Please reason step by step.",
        "--gen_kwargs": f"thinking_budget={BUDGET},max_gen_toks={limit}",
        "--output_path": str(folder / "results"),
    }
    command = [sys.executable, "-m", "lm_eval", *(word for pair in words.items() for word in pair)]
    environment = {"OPENAI_API_KEY": KEYS["alice"], "HF_HOME": str(folder / "hub"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, "--apply_chat_template"], env=os.environ | environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr[-2000:]
    (found,) = (folder / "results").rglob("results_*.json")
    results: dict[str, Any] = json.loads(found.read_text())["results"]["sums"]
    return float(results["exact_match,last-answer"])
