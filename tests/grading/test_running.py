"""How runs are judged: output, time, surprises."""

import logging
import os
import subprocess
import sys
import threading
import time

import pytest

from tests.grading.test_awkward import DOUBLE, SUM, verdict
from z1ray.errors import UserError
from z1ray.grading import bubblewrap, running, sandbox, turns
from z1ray.grading.config import SandboxConfig
from z1ray.grading.inside import output
from z1ray.grading.verdict import check
from z1ray.records import problem

RIGHT = "def double(x): return 2 * x"


@pytest.mark.parametrize(
    ("text", "wanted", "tolerance", "right"),
    [
        ("1 2\n3\n", "1 2\n3", None, True),
        ("\n 1  2 \r\n3\n\n", "1 2\n3\n", None, True),
        ("1 2 3", "1 2\n3", None, False),
        ("1\n\n2", "1\n2", None, False),
        ("", "", None, True),
        ("", "0", None, False),
        ("0.3333333", "0.33333333", None, False),
        ("0.3333333", "0.33333333", 1e-6, True),
        ("0.3334", "0.33333333", 1e-6, False),
        ("1000000.5", "1000000", 1e-6, True),
        ("1e0 yes", "1.0 yes", 1e-6, True),
        ("1.0 no", "1.0 yes", 1e-6, False),
        ("nan", "1", 1e9, False),
        ("nan", "nan", 1e-6, True),
        ("inf", "1", 1e9, False),
        ("1 1", "1", 1e-6, False),
        ("1\n1", "1 1", 1e-6, False),
    ],
)
def test_output_comparison(text, wanted, tolerance, right):
    """Blanks do not count, lines do, and numbers may differ only where the problem says so."""
    assert output.same(text, wanted, tolerance) is right


def test_tolerance_is_the_problems():
    """It stands in the tests' verifier; a right answer to a problem of real numbers differs in the last digits."""
    tests = {"kind": "stdio", "inputs": ["2\n"], "outputs": ["1.414213"]}
    code = "print(int(input()) ** .5)"
    assert verdict(tests, code) == "failed"
    assert verdict(tests | {"verifier": "tolerance:1e-5"}, code) == "passed"
    assert verdict(tests | {"verifier": "tolerance:1e-7"}, code) == "failed"
    for wrong in ("tolerance:much", "tolerance:-1", "tolerance:nan", "magic"):
        with pytest.raises(UserError, match="tolerance:1e-6"):
            verdict(tests | {"verifier": wrong}, code)


def test_more_than_8_mib_of_output():
    """Some problems want every pair; the output is compared whole."""
    lines = [f"{number:0999}" for number in range(9_000)]
    assert sum(map(len, lines)) > 8 * 2**20
    tests = {"kind": "stdio", "inputs": ["9000", "1"], "outputs": ["\n".join(lines), lines[0]]}
    assert verdict(tests, "for i in range(int(input())): print(f'{i:0999}')") == "passed"
    assert verdict(tests, "for i in range(int(input())): print(f'{min(i, 8998):0999}')") == "failed"
    assert verdict(tests, "while True: print('x' * 10**6)") in {"error", "memory"}


def test_large_input():
    """More than a pipe holds."""
    tests = {"kind": "stdio", "inputs": ["1 " * 1_000_000], "outputs": ["1000000"]}
    assert verdict(tests, "print(sum(map(int, input().split())))") == "passed"


def test_one_limit_over_all_inputs():
    """A hundred inputs at just under the limit each would take the grader a quarter of an hour."""
    tests = {"kind": "stdio", "inputs": ["1"] * 40, "outputs": ["1"] * 40}
    limits = SandboxConfig(timeout_s=5, total_timeout_s=2)
    code = "import time\ntime.sleep(.4)\nprint(input())"
    started = time.monotonic()
    assert verdict(tests, code, limits) == "timeout"
    assert time.monotonic() - started < 40 * 0.4
    assert verdict({**tests, "inputs": ["1"], "outputs": ["1"]}, code, limits) == "passed"


def test_a_run_that_starved_is_tried_again_alone(monkeypatch):
    """Right answers must not fail because the machine is busy, wrong ones must not be tried for ever."""
    told, held = iter(["starved", "passed", "starved", "starved", "timeout"]), []

    def once(*_):
        held.append(others_may_run())
        return next(told)

    monkeypatch.setattr(running, "_once", once)
    assert [verdict(DOUBLE, RIGHT) for _ in range(3)] == ["passed", "timeout", "timeout"]
    assert held[1::2] == [False, False]


def others_may_run():
    """Whether a run would start now; it waits at the door while one has the machine alone."""
    with turns._locked("door", wait=False) as free:
        return free


def test_starving_is_told_from_being_slow():
    """Sleeping and computing too long are the answer's own fault; waiting for a processor is not."""
    limits = SandboxConfig(timeout_s=6, total_timeout_s=6)
    assert once("import time\ntime.sleep(60)", limits) == "timeout"
    # In sessions of their own, as the run is: Linux shares processors out by session first.
    hungry = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], start_new_session=True)
        for _ in range(4 * len(os.sched_getaffinity(0)))
    ]
    try:
        assert once("while True: pass", limits) == "starved"
    finally:
        for process in hungry:
            process.kill()
            process.wait()


def once(code, limits):
    job = {"kind": "stdio", "setup": "", "code": code, "num_inputs": 1, "tolerance": None, "livecodebench": False}
    return running._once(job, [b"", ""], limits)


def test_no_more_runs_at_a_time_than_processors(monkeypatch):
    """Runs that crowd each other time out though they are right."""
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 1})
    most, now, lock = 0, 0, threading.Lock()

    def work():
        nonlocal most, now
        with turns.shared():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 2


@pytest.mark.parametrize("surprise", [OSError("no such pipe"), ValueError("x"), sandbox.SandboxError("gone")])
@pytest.mark.parametrize("tests", [DOUBLE, SUM, {"kind": "reference", "reference": "4"}])
def test_a_surprise_is_a_verdict_with_the_row(monkeypatch, caplog, surprise, tests):
    """One odd row must never end a stage."""

    def broken(*_, **__):
        raise surprise

    monkeypatch.setattr(sandbox, "execute", broken)
    monkeypatch.setattr("z1ray.grading.verdict._check_reference", broken)
    row = problem(problem_id="s/the-row", source="s", question="?", tests=tests, entry_point="double")
    with caplog.at_level(logging.ERROR):
        result = check(row, f"```python\n{RIGHT}\n```", SandboxConfig(require=False))
    assert (result.passed, result.verdict) == (None, "grader_error")
    assert "s/the-row" in caplog.text


def test_a_sandbox_that_breaks_in_the_middle_is_a_surprise(monkeypatch):
    """The answer is not at fault if the sandbox does not start."""
    monkeypatch.setattr(bubblewrap, "command", lambda *_: ["false"])
    monkeypatch.setattr(sandbox, "kind", lambda _=False: "bubblewrap")
    assert verdict(DOUBLE, RIGHT) == "grader_error"


def test_a_user_error_is_no_surprise():
    """A wrong setting is told, not counted."""
    with pytest.raises(UserError, match=r"sandbox\.packages"):
        verdict(DOUBLE, RIGHT, SandboxConfig(packages=["no_such_package"]))
