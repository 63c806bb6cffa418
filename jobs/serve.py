"""Serve Shifted Thinking Window endpoints behind the OpenAI API, checked with real chats.

ray job submit --working-dir . -- python jobs/serve.py --config conf/local.yaml root=$PWD/runs
"""

import sys
from typing import Any

from z1ray.config import ExperimentConfig
from z1ray.launch import launch


def main(config: ExperimentConfig, force: bool) -> dict[str, Any]:
    """Run the stage in ``<output_dir>/endpoint``."""
    from z1ray.serving.serve import serve_models

    return serve_models(config.serve, config.output / "endpoint", name=config.name, force=force)


if __name__ == "__main__":
    sys.exit(launch(main, __doc__))
