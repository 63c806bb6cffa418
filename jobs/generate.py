"""Generate short and long reasoning trajectories for coding problems.

ray job submit --working-dir . -- python jobs/generate.py --config conf/local.yaml root=$PWD/runs
"""

import sys
from typing import Any

from z1ray.config import ExperimentConfig
from z1ray.launch import launch


def main(config: ExperimentConfig, force: bool) -> dict[str, Any]:
    """Run the stage in ``<output_dir>/trajectories``."""
    from z1ray.trajectories.generate import generate

    return generate(config.generate, config.output / "trajectories", force=force)


if __name__ == "__main__":
    sys.exit(launch(main, __doc__))
