"""Put finished runs on one page: their curves, paired comparisons, and the settings in which they differ.

python jobs/compare.py runs/miniature runs/other --output runs/compared.html
"""

import sys

from z1ray.launch import bare_parser, guarded, parse, print_result


def main() -> int:
    """Parse, then write the page."""
    from z1ray.evaluation.runs.page import add_arguments, write_comparison

    command_line = bare_parser(__doc__)
    add_arguments(command_line)
    args = parse(command_line)

    def run() -> int:
        print_result(args, write_comparison(args.runs, args.output, args.confidence))
        return 0

    return guarded(run)


if __name__ == "__main__":
    sys.exit(main())
