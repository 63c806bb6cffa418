"""Print a few trajectories of a run readably, or write its page; works while the run is going on.

python jobs/show.py runs/local/trajectories --longest 2
"""

import signal
import sys

from z1ray.launch import guarded
from z1ray.trajectories.view.show import parser, show


def main() -> int:
    """Parse, then print."""
    # `| head` closes the pipe early; that ends the command quietly.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    args = parser(__doc__).parse_args()
    return guarded(lambda: show(args))


if __name__ == "__main__":
    sys.exit(main())
