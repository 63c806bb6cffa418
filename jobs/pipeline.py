"""Run a whole experiment, every stage a Ray job: what `make demo` starts.

Without --address a local Ray head is started first and stopped at the end.
"""

import signal
import sys
from pathlib import Path

from z1ray.launch import guarded, parse, parser


def main() -> int:
    """Parse, then run the stages."""
    command_line = parser(__doc__)
    command_line.add_argument("--address", metavar="URL", help="dashboard of a running cluster, e.g. http://head:8265")
    command_line.add_argument("--stages", metavar="A,B", help="only these, not the experiment's `stages`")
    args = parse(command_line)
    # `kill` then ends the run as tidily as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def run() -> int:
        from z1ray.pipeline.run import run_pipeline

        return run_pipeline(args, working_dir=Path(__file__).parents[1])

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
