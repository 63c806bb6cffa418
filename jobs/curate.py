"""Curate trajectories into a training set: untag, verify, dedupe, decontaminate, select.

ray job submit --working-dir . -- python jobs/curate.py --config conf/local.yaml root=$PWD/runs
"""

import sys
from typing import Any

from z1ray.config import ExperimentConfig
from z1ray.launch import launch


def main(config: ExperimentConfig, force: bool) -> dict[str, Any]:
    """Run the stage in ``<output_dir>/dataset``."""
    from z1ray.curation.curate import curate

    return curate(config.curate, config.output / "dataset", force=force)


if __name__ == "__main__":
    sys.exit(launch(main, __doc__))
