"""What a watcher is told is neither wrong by start-up nor by the order of the rows."""

import pytest

from z1ray.trajectories.progress.counts import Counts, ModeLoad, Progress, line, seconds_left

LOADS = {
    "long": ModeLoad(num_requests=1000, max_tokens=8000),
    "short": ModeLoad(num_requests=1000, max_tokens=1000),
}


def progress(num_done: int = 0, *, speed: float = 100.0, **rows: tuple[int, int]) -> Progress:
    """Of each mode, its rows and their output tokens."""
    counts = {
        mode: Counts(num_rows=num, prompt_tokens=10 * num, output_tokens=out) for mode, (num, out) in rows.items()
    }
    return Progress(
        num_done=num_done,
        loads=LOADS,
        counts=counts,
        startup_s=63,
        tokens_per_s=speed,
        mean_tokens_per_s=90,
    )


def test_time_left_counts_tokens_and_not_rows() -> None:
    """All long rows done, 4,000 tokens each: the short ones left take an eighth of it, not as long again."""
    assert seconds_left(progress(long=(1000, 4_000_000))) == pytest.approx(1000 * 500 / 100)
    assert seconds_left(progress(long=(1000, 4_000_000), short=(500, 50_000))) == pytest.approx(500 * 100 / 100)


def test_time_left_of_a_resumed_run_takes_the_longest_as_done() -> None:
    """Earlier runs began with the longest, so what they left is what comes later in the table."""
    assert seconds_left(progress(1000, short=(500, 50_000))) == pytest.approx(500)
    assert seconds_left(progress(1400, short=(500, 50_000))) == pytest.approx(100)


def test_time_left_is_not_told_before_anything_is_known() -> None:
    """No rows, no speed yet, or nothing left: no number rather than a wrong one."""
    assert seconds_left(progress(speed=0, long=(16, 1000))) is None
    assert seconds_left(progress(1000, short=(1000, 1))) is None
    assert seconds_left(progress(speed=0)) is None


def test_line_of_a_run_under_way_and_of_its_end() -> None:
    """All that is asked for, on one line."""
    running = progress(24, long=(1000, 4_000_000))
    running.counts["long"].num_quarantined = 3
    assert line(running) == (
        "1,024/2,000 rows (51.2 %), 100 tokens/s, 10.0 k prompt + 4.0 M output tokens, 3 quarantined, "
        "about 1 h 21 min left"
    )
    assert line(progress(1000, short=(1000, 50_000)), ended=True) == (
        "2,000/2,000 rows (100 %), 90 tokens/s since the first rows, after 63 s, 10.0 k prompt + 50.0 k output tokens"
    )
    assert line(progress(speed=0)) == "0/2,000 rows (0.0 %), 0 prompt + 0 output tokens"
