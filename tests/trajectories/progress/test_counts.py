"""What a watcher is told is neither wrong by start-up nor by the order of the rows."""

import pytest

from z1ray.trajectories.progress.counts import Counts, ModeLoad, Progress, Rate, duration, line, seconds_left, short

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
        actor_started=1,
        num_done=num_done,
        loads=LOADS,
        counts=counts,
        startup_s=63,
        tokens_per_s=speed,
        mean_tokens_per_s=90,
    )


def test_rate_leaves_the_start_up_out() -> None:
    """What the first rows took is start-up and half-filled engines, not speed."""
    rate = Rate()
    assert (rate.recent(5), rate.mean(5)) == (0, 0)
    rate.add(100, 1000)
    assert (rate.recent(100), rate.mean(100)) == (0, 0)
    rate.add(110, 500)
    assert (rate.recent(110), rate.mean(110)) == (50, 50)


def test_recent_rate_follows_a_change_within_a_minute() -> None:
    """An operator who lost half of the engines must see it, hours into a run, too."""
    rate = Rate()
    for second in range(1000):
        rate.add(second, 100)
    for second in range(1000, 1061):
        rate.add(second, 50)
    assert rate.recent(1060) == pytest.approx(50, rel=0.02)
    assert rate.mean(1060) == pytest.approx(97, rel=0.01)


def test_recent_rate_of_rows_that_take_longer_than_a_minute() -> None:
    """A small engine writes long rows for many minutes: in between it is not at rest, but a hanging one fades."""
    rate = Rate()
    for minute in (10, 20, 30):
        rate.add(60 * minute, 6000)
    assert rate.recent(60 * 30) == 10
    assert 4 < rate.recent(60 * 38) < 10
    assert rate.recent(60 * 300) < 0.4


def test_recent_rate_keeps_no_more_than_its_window() -> None:
    """A run of weeks reports millions of blocks."""
    rate = Rate()
    for tenth in range(100_000):
        rate.add(tenth / 10, 1)
    assert len(rate._seen) < 620


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


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (999, "999"), (1000, "1.0 k"), (999_999, "1.0 M"), (12_345_678, "12.3 M"), (4 * 10**12, "4000.0 G")],
)
def test_short_numbers(number: int, text: str) -> None:
    """Digits that change with every line are not read."""
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3599, "1 h 0 min"), (11_520, "3 h 12 min"), (190_000, "2 d 4 h")],
)
def test_durations(seconds: float, text: str) -> None:
    """Two units at most."""
    assert duration(seconds) == text
