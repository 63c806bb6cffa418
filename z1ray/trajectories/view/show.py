"""Print a few trajectories of a run, finished or still running, readably and safely.

A model may write anything, so control characters are shown escaped: a trajectory
must not move the cursor, retitle the terminal or hide text.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from z1ray.artifacts import MANIFEST
from z1ray.errors import UserError
from z1ray.records import Row
from z1ray.terminal import printable
from z1ray.trajectories.view.pick import Query, Scan, closest_ids, scan
from z1ray.trajectories.view.text import sampling_text, token_counts

_NUM = 3

if TYPE_CHECKING:
    from rich.console import Console


def parser(description: str | None) -> argparse.ArgumentParser:
    """The command line of ``jobs/show.py``."""
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    shown = made.add_mutually_exclusive_group(required=True)
    shown.add_argument(
        "folder", type=Path, nargs="?", metavar="FOLDER", help="a run's trajectories, e.g. runs/local/trajectories"
    )
    shown.add_argument(
        "--problems", type=Path, metavar="CONFIG", help="what this experiment's sources of problems become, instead"
    )
    which = made.add_mutually_exclusive_group()
    which.add_argument("--id", metavar="ID", help="this trajectory, or those whose id begins with or contains ID")
    which.add_argument("--longest", type=int, metavar="N", help="the N longest")
    which.add_argument("--shortest", type=int, metavar="N", help="the N shortest")
    which.add_argument("--failed", action="store_true", help="quarantined ones, with the reason")
    which.add_argument("--html", action="store_true", help="write the run's report.html instead")
    made.add_argument("--mode", metavar="NAME", help="only this mode")
    made.add_argument(
        "--num", type=int, metavar="N", help=f"how many, where no N is given (default {_NUM}; of problems 5 a source)"
    )
    made.add_argument("--seed", type=int, default=0, metavar="S", help="of the random choice (default 0)")
    return made


def show(args: argparse.Namespace) -> int:
    """Print what was asked for, or write the page.

    Args:
        args: Parsed with ``parser``.

    Returns:
        Exit status 0.

    Raises:
        UserError: For a folder without trajectories, or if no trajectory is as asked.
    """
    if args.html:
        from z1ray.trajectories.view.page import write_page

        print(write_page(args.folder))
        return 0
    query = to_query(args)
    found = scan(args.folder, [query])
    rows = found.chosen[0]
    if not rows:
        raise _nothing(args.folder, query, found)
    if rows[0]["trajectory_id"] == query.id:
        rows = rows[:1]
    _print(args.folder, rows, found)
    return 0


def to_query(args: argparse.Namespace) -> Query:
    """The rows the command line asks for; UserError for a count below 1."""
    counts = {"--longest": args.longest, "--shortest": args.shortest, "--num": args.num}
    for name, value in counts.items():
        if value is not None and value < 1:
            raise UserError(name, value, "it is a count", "set it to 1 or more")
    common = {"mode": args.mode, "id": args.id, "seed": args.seed}
    if args.longest is not None:
        return Query(order="longest", num=args.longest, failed=False, **common)
    if args.shortest is not None:
        return Query(order="shortest", num=args.shortest, failed=False, **common)
    return Query(num=args.num or _NUM, failed=args.failed or None, **common)


def _nothing(folder: Path, query: Query, found: Scan) -> UserError:
    if query.mode is not None and query.mode not in found.modes:
        return UserError("--mode", query.mode, "no trajectory has this mode", f"there are: {_counts(found)}")
    where = "" if query.mode is None else f" of mode {query.mode!r}"
    if query.id is not None:
        ids = ", ".join(closest_ids(folder, query.id))
        return UserError("--id", query.id, f"no trajectory{where} has it in its id", f"the closest are: {ids}")
    kind = "quarantined" if query.failed else "finished"
    return UserError("folder", str(folder), f"no trajectory{where} is {kind}", f"there are: {_counts(found)}")


def _counts(found: Scan) -> str:
    modes = ", ".join(f"{mode} {count:,}" for mode, count in sorted(found.modes.items()))
    return f"{modes}; {found.num_failed:,} quarantined"


def _print(folder: Path, rows: list[Row], found: Scan) -> None:
    from rich.console import Console

    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that lacks a letter shows its number rather than a traceback.
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console(highlight=False)
    for row in rows:
        _print_row(console, row)
    state = "finished" if (folder / MANIFEST).exists() else "not finished"
    left_out = f"; {found.num_unfinished} files still being written left out" if found.num_unfinished else ""
    shown = f"{len(rows):,} of {found.num_matches[0]:,} that match"
    console.out(printable(f"{folder} ({state}): {_counts(found)}{left_out}. Shown: {shown}."), style="dim")


def _print_row(console: "Console", row: Row) -> None:
    console.out(printable(f"== {row['trajectory_id']}"), style="bold cyan")
    facts = {
        "model": row["model"] or "not known",
        "mode": f"{row['mode']}, sample {row['sample']}",
        "tokens": token_counts(row),
        "finish reason": row["finish_reason"] or "not known",
        "sampling": sampling_text(row),
    }
    for name, value in facts.items():
        console.out(printable(f"{name:<15}{value}"))
    if row["error"] is not None:
        console.out(printable(f"{'quarantined':<15}{row['error']}"), style="red")
    for message in row["messages"] or []:
        console.out(printable(f"-- {message['role']}"), style="bold")
        print(printable(message["content"] or ""))  # rich would turn tabs into spaces
    if row["error"] is None:
        console.out("-- trajectory", style="bold green")
        print(printable(row["text"] or ""))
    print()
