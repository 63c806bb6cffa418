"""The table of an experiment's variants."""

import json
import time
from pathlib import Path

import pytest

from tests.evaluation.rows import graded
from z1ray import artifacts
from z1ray.config import ExperimentConfig, load
from z1ray.pipeline.ablations import ablations
from z1ray.pipeline.ablations_table import PAGE, cap_table, page, table, write_ablations
from z1ray.records import EVALUATION_ROW, write_rows

CONFIG = "conf/miniature.yaml"
NUM_PROBLEMS = 20
# Model -> problems of 20 that it solves at budget 8, at 64 and without a cap.
RIGHT = {"base": (2, 5, 5), "short+long": (4, 10, 12), "long-only": (4, 18, 18)}


def rows(benchmark: str = "b"):
    return [
        graded(
            model=model,
            benchmark=benchmark,
            problem_id=f"{benchmark}/{number}",
            thinking_budget=budget,
            thinking_tokens=abs(budget) if budget > 0 else 100,
            correct=number < solved,
        )
        for model, counts in RIGHT.items()
        for budget, solved in zip((8, 64, -1), counts, strict=True)
        for number in range(NUM_PROBLEMS)
    ]


@pytest.fixture
def config(tmp_path: Path) -> ExperimentConfig:
    """An experiment whose own model and variant are trained: 300 and 200 of 1,000 tokens, 7 and 5 steps."""
    made = load(CONFIG, [f"root={tmp_path}", "curate.token_budget=1000"])
    for folder, size in ((made.output, 3), (made.folder_of("long-only"), 2)):
        artifacts.begin(folder / "dataset", made.curate)
        artifacts.finish(folder / "dataset", time.time(), num_kept=10 * size, num_tokens=100 * size)
        artifacts.begin(folder / "checkpoint", made.train)
        artifacts.finish(folder / "checkpoint", time.time(), num_steps=2 * size + 1)
    return made


def test_each_model_is_compared_with_the_experiments_own(config):
    """Own first, then in the order of the evaluation; differences on the same problems, with their p."""
    found = ablations(config, rows())
    assert [one.model for one in found] == ["short+long", "base", "long-only"]
    own, base, longest = found
    assert (own.num_examples, own.num_tokens, own.num_steps, own.token_budget) == (30, 300, 7, 1000)
    assert (base.num_examples, base.changes) == (None, [])
    assert (longest.num_tokens, longest.changes) == (200, ["curate.per_problem=longest"])
    assert own.results[0].points[0].difference is None
    measured = longest.results[0]
    assert [point.accuracy for point in measured.points] == pytest.approx([0.2, 0.9, 0.9])
    gained = measured.points[1].difference
    assert gained is not None
    # Eight problems gained and none lost: 2 / 2 ** 8.
    assert (gained.difference, gained.p_value) == pytest.approx((0.4, 2 / 2**8))


def test_the_mean_is_over_caps_alone(config):
    """A run without a window is no point of the budget's curve."""
    own, _, longest = ablations(config, rows())
    assert own.results[0].mean_accuracy == pytest.approx((0.2 + 0.5) / 2)
    mean = longest.results[0].mean_difference
    assert mean is not None
    assert mean.num_problems == NUM_PROBLEMS
    assert mean.difference == pytest.approx(0.2)


def test_with_and_without_the_window(config):
    """The same model at its largest budget and without one."""
    cells = cap_table(ablations(config, rows()), "b", "x")
    assert cells[1] == ["short+long", "64", "0.500", "64.0", "0.600", "100.0", "+0.100 (p = 0.500)"]


def test_runs_of_the_method_without_a_cap_are_the_other_side(config):
    """Where the window's sweep has no point without one."""
    split = [row | ({"method": "uncapped"} if row["thinking_budget"] < 0 else {}) for row in rows()]
    found = ablations(config, split)
    assert cap_table(found, "b", "x")[1] == cap_table(ablations(config, rows()), "b", "x")[1]
    assert cap_table(found, "b", "uncapped")[1:] == []


def test_all_benchmarks_together_come_first(config):
    """And one table for each follows."""
    found = ablations(config, [*rows("b"), *rows("c")])
    assert [each.benchmark for each in found[0].results] == ["all benchmarks", "b", "c"]
    text = page("run", found, "short+long", ["lost"])
    assert text.index("## all benchmarks") < text.index("## b") < text.index("## c")
    assert "lost" in text
    assert "`curate.per_problem=longest`" in text


def test_the_table_tells_what_a_model_was_made_of(config):
    """Tokens beside those allowed: a selection that could not fill its budget is not at equal tokens."""
    cells = table(ablations(config, rows()), "b", "x")
    assert cells[0][:8] == ["model", "examples", "tokens", "steps", "at 8", "at 64", "no cap", "mean"]
    assert cells[3][:8] == ["long-only", "20", "200 of 1,000", "5", "0.200", "0.900", "0.900", "0.550"]
    assert cells[3][8:10] == ["64.0", "+0.400 (p = 0.008)"]
    assert cells[3][10].startswith("+0.200 (p")
    assert all(len(row) == len(cells[0]) for row in cells)


def test_files_are_written_once_there_is_an_evaluation(config):
    """Before it there is nothing to tell; a variant that is missing is named."""
    assert write_ablations(config) == []
    evaluation = config.output / "evaluation"
    artifacts.begin(evaluation, config.evaluate)
    write_rows([row for row in rows() if row["model"] != "long-only"], evaluation / "rows.parquet", EVALUATION_ROW)
    artifacts.finish(evaluation, time.time())
    assert [row[0] for row in write_ablations(config)] == ["model", "short+long", "base"]
    assert "long-only" in (config.output / PAGE).read_text()
    written = json.loads((config.output / "ablations.json").read_text())
    assert written["compared_with"] == "short+long"
    assert [one["model"] for one in written["ablations"]] == ["short+long", "base"]
