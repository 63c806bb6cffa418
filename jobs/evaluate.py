"""Sweep thinking budgets over benchmarks; write the curve and the report.

ray job submit --working-dir . -- python jobs/evaluate.py --config conf/local.yaml root=$PWD/runs
"""

import sys
from typing import Any

from z1ray.config import ExperimentConfig
from z1ray.launch import launch


def main(config: ExperimentConfig, force: bool) -> dict[str, Any]:
    """Run the stage in ``<output_dir>/evaluation``, then draw the curve and the report."""
    from z1ray.evaluation.evaluate import evaluate
    from z1ray.evaluation.report import write_report
    from z1ray.progress import say

    manifest = evaluate(config.evaluate, config.output / "evaluation", force=force)
    for sentence in write_report(config.output, config.evaluate.confidence):
        say(sentence)
    return manifest


if __name__ == "__main__":
    sys.exit(launch(main, __doc__))
