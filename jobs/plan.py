"""Say before a launch what training takes of each GPU's memory, or what an evaluation takes of GPU-hours and disk.

python jobs/plan.py --config conf/z1-7b.yaml --gpu H100 train.memory.offload=false
python jobs/plan.py --config conf/z1-7b.yaml --stage evaluate --tokens-per-second 2500 --share 0.5
"""

import sys
from dataclasses import asdict

from z1ray.config import load
from z1ray.launch import guarded, parse, parser, print_result


def main() -> int:
    """Parse, then plan."""
    line = parser(__doc__)
    line.add_argument("--stage", default="train", choices=("train", "evaluate"), help="what to plan (default train)")
    line.add_argument("--gpu", default="A100", metavar="NAME", help="kind of GPU to train on (default A100, 80 GB)")
    line.add_argument("--tokens-per-second", type=float, metavar="N", help="what one engine of evaluation generates")
    line.add_argument("--share", type=float, metavar="S", help="part of evaluation's upper bound to expect")
    line.add_argument("--like", metavar="FOLDER", help="an evaluation whose answers tell what to expect (its own)")
    args = parse(line)

    def run() -> int:
        from z1ray.evaluation.plan import tell_cost
        from z1ray.training.plan.fill import tell_fill
        from z1ray.training.plan.plan import tell_plan

        config = load(args.config, args.overrides)
        if args.stage == "evaluate":
            like = args.like or config.output / "evaluation"
            print_result(args, asdict(tell_cost(config.evaluate, like, args.share, args.tokens_per_second)))
        else:
            print_result(args, asdict(tell_plan(config.train, args.gpu)) | {"fill_ratio": tell_fill(config.train)})
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
