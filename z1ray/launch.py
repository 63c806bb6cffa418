"""What every launcher in ``jobs/`` does: parse, connect, call one function, report.

Exit status: 0 done, 2 the user's mistake (told on one screen), 130 interrupted;
anything else is a bug and shows its traceback.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from z1ray.config import ExperimentConfig, load
from z1ray.errors import UserError
from z1ray.progress import show_lines

# What a message about a user's mistake begins with, in a terminal and in a job's log.
ERROR_MARK = "z1ray: "
_LEVELS = ("debug", "info", "warning", "error")

Stage = Callable[[ExperimentConfig, bool], dict[str, Any]]


def launch(stage: Stage, description: str | None, argv: Sequence[str] | None = None) -> int:
    """Run one stage as a program.

    Args:
        stage: Takes the experiment and ``--force``; returns the stage's manifest.
        description: Text for ``--help``.
        argv: Command line; the process's own if None.

    Returns:
        The exit status.
    """
    args = parse(parser(description), argv)
    return guarded(lambda: _run(stage, args))


def parser(description: str | None) -> argparse.ArgumentParser:
    """The command line that all launchers of an experiment share."""
    made = bare_parser(description)
    made.add_argument("--config", required=True, metavar="YAML", help="the experiment, e.g. conf/local.yaml")
    made.add_argument("--force", action="store_true", help="redo the stage even if it is done")
    made.add_argument("overrides", nargs="*", metavar="key=value", help="settings that replace the YAML's")
    return made


def bare_parser(description: str | None) -> argparse.ArgumentParser:
    """A command line that says only how results are told."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument(
        "--log-level", default="info", choices=_LEVELS, help="what to print: info is progress, warning only trouble"
    )
    made.add_argument("--quiet", action="store_true", help="the same as --log-level warning")
    made.add_argument("--json", action="store_true", help="end with the result as one line of JSON; all else on stderr")
    return made


def parse(command_line: argparse.ArgumentParser, argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the words that :func:`parser` or an extension of it describes, and set up what is printed."""
    args = command_line.parse_intermixed_args(argv)
    level = "warning" if args.quiet else args.log_level
    show_lines(getattr(logging, level.upper()), to_stderr=args.json)
    return args


def print_result(args: argparse.Namespace, result: Mapping[str, Any]) -> None:
    """Print what a command came to, if it was asked to with ``--json``."""
    if args.json:
        print(json.dumps(result, sort_keys=True), flush=True)


def guarded(work: Callable[[], int]) -> int:
    """Run ``work``; turn a user's mistake and Ctrl-C into a short message and a status."""
    try:
        return work()
    except UserError as error:
        print(f"\n{ERROR_MARK}{error}\n", file=sys.stderr, flush=True)
        return 2
    except KeyboardInterrupt:
        print("\nz1ray: interrupted; what is written stays, run the same command to continue", file=sys.stderr)
        return 130


def _run(stage: Stage, args: argparse.Namespace) -> int:
    config = load(args.config, args.overrides)
    _require_lasting_output(config)
    print_result(args, stage(config, args.force))
    return 0


def _require_lasting_output(config: ExperimentConfig) -> None:
    """In a Ray job the working directory is a copy that the cluster deletes."""
    if "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ and not Path(config.output_dir).is_absolute():
        raise UserError(
            "output_dir",
            config.output_dir,
            "a submitted job runs in a temporary copy of the working directory, so a relative folder would be lost",
            "pass an absolute one on storage that all nodes see, e.g. root=/mnt/shared/runs",
        )
