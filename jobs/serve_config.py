"""Write an experiment's endpoint as a Ray Serve configuration, for `serve deploy` or KubeRay.

python jobs/serve_config.py --config conf/z1-7b.yaml --output z1-7b.serve.yaml
"""

import sys
from pathlib import Path

from z1ray.config import load
from z1ray.launch import guarded, parser


def main() -> int:
    """Parse, then write."""
    command_line = parser(__doc__)
    command_line.add_argument("--output", type=Path, metavar="FILE", help="where to; standard output if not given")
    args = command_line.parse_intermixed_args()

    def run() -> int:
        from z1ray.serving.serve_yaml import write_config

        write_config(load(args.config, args.overrides).serve, args.output, force=args.force)
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
