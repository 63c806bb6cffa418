"""Write an experiment's endpoint as a Ray Serve configuration, for `serve deploy` or KubeRay.

python jobs/serve_config.py --config conf/z1-7b.yaml --output z1-7b.serve.yaml
"""

import sys
from pathlib import Path

from z1ray.config import load
from z1ray.launch import guarded, parse, parser, print_result


def main() -> int:
    """Parse, then write."""
    command_line = parser(__doc__)
    command_line.add_argument("--output", type=Path, metavar="FILE", help="where to; standard output if not given")
    args = parse(command_line)

    def run() -> int:
        from z1ray.serving.serve import with_store
        from z1ray.serving.serve_yaml import serve_config, write_config

        config = load(args.config, args.overrides)
        served = with_store(config.serve, config.output / "endpoint")
        if args.output is not None or not args.json:
            write_config(served, config.name, args.output, force=args.force)
        print_result(args, serve_config(served, config.name))
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
