"""Export a model from a checkpoint of a training that is still going on or was stopped.

python jobs/export.py --config conf/z1-7b.yaml --step 400
"""

import sys

from z1ray.config import load
from z1ray.launch import guarded, parse, parser, print_result


def main() -> int:
    """Parse, then write ``<output_dir>/checkpoint/model-step-...``."""
    command_line = parser(__doc__)
    command_line.add_argument("--step", type=int, metavar="N", help="the checkpoint of this step; else the newest")
    args = parse(command_line)

    def run() -> int:
        from z1ray.training.checkpoints.export import export_unfinished

        config = load(args.config, args.overrides)
        model = export_unfinished(config.train, config.output / "checkpoint", args.step, force=args.force)
        print_result(args, {"model": str(model)})
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
