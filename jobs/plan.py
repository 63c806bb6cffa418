"""Say how much memory training takes per GPU, whether it fits, and how well the workers are filled, before a launch.

python jobs/plan.py --config conf/z1-7b.yaml --gpu H100 train.memory.offload=false
"""

import sys
from dataclasses import asdict

from z1ray.config import load
from z1ray.launch import guarded, parse, parser, print_result


def main() -> int:
    """Parse, then plan."""
    command_line = parser(__doc__)
    command_line.add_argument("--gpu", default="A100", metavar="NAME", help="kind of GPU (default A100 with 80 GB)")
    args = parse(command_line)

    def run() -> int:
        from z1ray.training.plan.fill import tell_fill
        from z1ray.training.plan.plan import tell_plan

        config = load(args.config, args.overrides).train
        print_result(args, asdict(tell_plan(config, args.gpu)) | {"fill_ratio": tell_fill(config)})
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
