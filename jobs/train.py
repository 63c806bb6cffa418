"""Fine-tune the student on the dataset with DeepSpeed ZeRO-3, and export the model.

ray job submit --working-dir . -- python jobs/train.py --config conf/local.yaml root=$PWD/runs
"""

import sys
from typing import Any

from z1ray.config import ExperimentConfig
from z1ray.launch import launch


def main(config: ExperimentConfig, force: bool) -> dict[str, Any]:
    """Run the stage in ``<output_dir>/checkpoint``."""
    from z1ray.training.train import train

    return train(config.train, config.output / "checkpoint", force=force)


if __name__ == "__main__":
    sys.exit(launch(main, __doc__))
