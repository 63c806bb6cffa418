"""Print a few trajectories of a run readably, or write its page; works while the run is going on.

Before a run: print what its sources of problems become.

python jobs/show.py runs/local/trajectories --longest 2
python jobs/show.py --problems conf/z1-7b.yaml
"""

import argparse
import signal
import sys

from z1ray.config import load
from z1ray.launch import guarded
from z1ray.problems.show import show_problems
from z1ray.progress import show_lines
from z1ray.trajectories.view.show import parser, show


def main() -> int:
    """Parse, then print."""
    # `| head` closes the pipe early; that ends the command quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    args = parser(__doc__).parse_args()
    return guarded(lambda: _problems(args) if args.problems else show(args))


def _problems(args: argparse.Namespace) -> int:
    show_lines()
    show_problems(load(args.problems).generate.problems, args.num or 5, args.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main())
