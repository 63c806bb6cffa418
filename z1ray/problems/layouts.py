"""All published layouts by name, of benchmarks and of sets to train on; without one a table has z1ray's own columns."""

from collections.abc import Mapping

from z1ray.problems.benchmarks import bigcodebench, evalplus, gpqa, livecodebench, mathematics, mbpp
from z1ray.problems.columns import PROBLEM_FIELDS, to_problem
from z1ray.problems.layout import Layout, Make, of_table
from z1ray.problems.sets import contests, conversations, functions, questions

__all__ = ["LAYOUTS", "LAYOUT_INSTRUCTIONS", "Make"]

LAYOUTS: Mapping[str | None, Layout] = {
    None: of_table(PROBLEM_FIELDS, to_problem),
    "math500": mathematics.MATH500,
    "aime": mathematics.AIME,
    "gpqa": gpqa.GPQA,
    "evalplus": evalplus.EVALPLUS,
    "mbpp": mbpp.MBPP,
    "bigcodebench": bigcodebench.BIGCODEBENCH,
    "livecodebench": livecodebench.LIVECODEBENCH,
    "apps": contests.APPS,
    "taco": contests.TACO,
    "codecontests": contests.CODECONTESTS,
    "deepcoder": contests.DEEPCODER,
    "kodcode": functions.KODCODE,
    "humanevalx": functions.HUMANEVALX,
    "leetcode": functions.LEETCODE,
    "opencodereasoning": conversations.OPENCODEREASONING,
    "messages": conversations.MESSAGES,
    "alpaca": conversations.ALPACA,
    "s1k": conversations.S1K,
}

# What the layouts add to a source's own text; see ``load.INSTRUCTIONS``.
LAYOUT_INSTRUCTIONS = (
    mathematics.INSTRUCTION,
    gpqa.INSTRUCTION,
    evalplus.INSTRUCTION,
    mbpp.INSTRUCTION,
    *livecodebench.INSTRUCTIONS,
    questions.FUNCTION,
)
