"""All layouts by name; without a name a table has z1ray's own columns."""

from collections.abc import Mapping

from z1ray.problems.benchmarks import bigcodebench, evalplus, gpqa, livecodebench, mathematics, mbpp
from z1ray.problems.benchmarks.layout import Layout, Make, of_table
from z1ray.problems.columns import PROBLEM_FIELDS, to_problem

__all__ = ["BENCHMARK_INSTRUCTIONS", "LAYOUTS", "Make"]

LAYOUTS: Mapping[str | None, Layout] = {
    None: of_table(PROBLEM_FIELDS, to_problem),
    "math500": mathematics.MATH500,
    "aime": mathematics.AIME,
    "gpqa": gpqa.GPQA,
    "evalplus": evalplus.EVALPLUS,
    "mbpp": mbpp.MBPP,
    "bigcodebench": bigcodebench.BIGCODEBENCH,
    "livecodebench": livecodebench.LIVECODEBENCH,
}

# What the layouts add to a benchmark's own text; see ``load.INSTRUCTIONS``.
BENCHMARK_INSTRUCTIONS = (
    mathematics.INSTRUCTION,
    gpqa.INSTRUCTION,
    evalplus.INSTRUCTION,
    mbpp.INSTRUCTION,
    *livecodebench.INSTRUCTIONS,
)
