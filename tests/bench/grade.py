"""What a check costs against running the same program without any protection: `make bench-grade`.

The programs are right answers: LeetCode problems with their package's tests, HumanEval's
canonical solutions, and programs with input and output. Bare, each is one script (setup, code and
tests, or the program fed with its input) in a plain `subprocess.run`: twice, once
of the interpreter as everybody starts it, once isolated without the site module as the
sandbox starts it (``-I -S``).

- ``checked_per_s_and_core``: checks per second of processor time, all processes counted (needs root, for a
  control group).
- ``throughput_ratio``: processor time of all bare runs over that of all checks; 1 is free.
- ``throughput_ratio_isolated``: the same against the interpreter that reads no site module.
- ``wall_ratio``: bare over checks by the clock, one at a time; differs where the machine is busy.

Sides alternate program by program, since machines drift; medians over the rounds, and the
spread of the first ratio. The last line of output is one JSON object.
"""

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.problems.test_leetcode import ANSWERS
from z1ray.grading import bubblewrap
from z1ray.grading.config import SandboxConfig
from z1ray.grading.verdict import check
from z1ray.problems import humaneval, leetcode
from z1ray.problems.config import SourceConfig
from z1ray.records import Row, problem

ROUNDS = 5
NUM_HUMANEVAL = 12
STDIO = {
    "n, *rest = map(int, open(0).read().split())\nprint(sum(rest[:n]))": ("3\n1 2 3\n", "6\n"),
    "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1])": ("abc\nde\n", "cba\ned\n"),
    "from collections import Counter\nprint(Counter(input()).most_common(1)[0][0])": ("abracadabra\n", "a\n"),
    "import heapq\nh = list(map(int, input().split()))\nheapq.heapify(h)\nprint(heapq.heappop(h))": ("4 2 9\n", "2\n"),
}


class Program(NamedTuple):
    """A right answer: the problem, its text, and the script that does the same bare."""

    problem: Row
    code: str
    script: str
    stdin: str


class Cost(NamedTuple):
    """Processor seconds and seconds by the clock."""

    processor_s: float
    wall_s: float


def programs() -> list[Program]:
    """All programs."""
    solved = {row["problem_id"]: row for row in leetcode.read(SourceConfig(kind="leetcode"))}
    pairs = [(solved[f"leetcode/{name}"], code) for name, (code, _) in ANSWERS.items()]
    with gzip.open(humaneval._file(), "rt") as lines:
        entries = [json.loads(line) for line in lines]
    rows = humaneval.read(SourceConfig(kind="humaneval"))
    pairs += [
        (row, entry["prompt"] + entry["canonical_solution"])
        for row, entry in zip(list(rows)[:NUM_HUMANEVAL], entries, strict=False)
    ]
    made = [
        Program(row, code, "\n".join([row["tests"]["setup"], code, *row["tests"]["cases"]]), "") for row, code in pairs
    ]
    for number, (code, (given, wanted)) in enumerate(STDIO.items()):
        tests = {"kind": "stdio", "inputs": [given], "outputs": [wanted]}
        made.append(
            Program(problem(problem_id=f"io/{number}", source="io", question="?", tests=tests), code, code, given)
        )
    return made


def bare(folder: Path, number: int, program: Program, *flags: str) -> None:
    """Run the script, unprotected."""
    path = folder / f"{number}.py"
    path.write_text(program.script)
    subprocess.run(
        [bubblewrap.interpreter(), *flags, str(path)], input=program.stdin, text=True, check=True, capture_output=True
    )


def checked(program: Program) -> None:
    """Check the answer."""
    verdict = check(program.problem, f"```python\n{program.code}\n```", SandboxConfig())
    assert verdict.passed, (program.problem["problem_id"], verdict)


def timed(work: Callable[[], None], meter: Path) -> Cost:
    """What the work takes, the processes it starts included."""
    before, started = processor_s(meter), time.perf_counter()
    work()
    return Cost(processor_s(meter) - before, time.perf_counter() - started)


@contextmanager
def metered() -> Iterator[Path]:
    """A control group with this process in it, which counts the processor time of all that it starts.

    The kernel's count of a process's children misses those of bubblewrap, which nobody waits for.
    """
    version_1 = Path("/sys/fs/cgroup/cpuacct")
    parent = version_1 if version_1.is_dir() else Path("/sys/fs/cgroup")
    group = parent / f"z1ray-bench-{os.getpid()}"
    group.mkdir()
    (group / "cgroup.procs").write_text(str(os.getpid()))
    try:
        yield group
    finally:
        (parent / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


def processor_s(meter: Path) -> float:
    """Processor seconds of a control group since it was made."""
    if (meter / "cpuacct.usage").exists():
        return int((meter / "cpuacct.usage").read_text()) / 1e9
    words = (meter / "cpu.stat").read_text().split()
    return int(words[words.index("usage_usec") + 1]) / 1e6


def one_round(made: list[Program], folder: Path, meter: Path) -> list[Cost]:
    """What all checks take, all bare runs, and all isolated bare runs."""
    costs = []
    for number, program in enumerate(made):
        sides = (
            partial(checked, program),
            partial(bare, folder, number, program),
            partial(bare, folder, number, program, "-I", "-S", "-B"),
        )
        costs.append([timed(side, meter) for side in sides])
    return [Cost(*map(sum, zip(*side, strict=True))) for side in zip(*costs, strict=True)]


def main() -> None:
    """Measure and print."""
    made, rounds = programs(), []
    with tempfile.TemporaryDirectory() as name, metered() as meter:
        one_round(made, Path(name), meter)
        for number in range(ROUNDS):
            rounds.append(one_round(made, Path(name), meter))
            sides = zip(("checks", "bare", "isolated"), rounds[-1], strict=True)
            told = ", ".join(
                f"{side} {cost.processor_s:.2f} s ({cost.wall_s:.2f} by the clock)" for side, cost in sides
            )
            print(f"{number + 1}: {told}", file=sys.stderr, flush=True)
    ratios = [plain.processor_s / ours.processor_s for ours, plain, _ in rounds]
    figures = {
        "throughput_ratio": statistics.median(ratios),
        "throughput_ratio_min": min(ratios),
        "throughput_ratio_max": max(ratios),
        "throughput_ratio_isolated": statistics.median(last.processor_s / ours.processor_s for ours, _, last in rounds),
        "wall_ratio": statistics.median(plain.wall_s / ours.wall_s for ours, plain, _ in rounds),
        "checked_per_s_and_core": len(made) / statistics.median(ours.processor_s for ours, _, _ in rounds),
    }
    context = {"num_programs": len(made), "rounds": ROUNDS}
    print(json.dumps({name: round(figure, 3) for name, figure in figures.items()} | context))


if __name__ == "__main__":
    main()
