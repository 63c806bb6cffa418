"""Whoever watches a stage sees rows appear, and a rate and a time left that leave the start-up out."""

import threading
import time
from pathlib import Path

import pyarrow as pa
import pytest

from z1ray.progress import MARK
from z1ray.records import write_rows
from z1ray.rows import Phase, Rate, duration, line, short, watch, watch_files

SCHEMA = pa.schema([("a", pa.int32())])


def test_rows_are_told_as_they_appear(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line per growth, marked for people; a file still being written does not break the count."""
    seen = ""
    write_rows([{"a": 1}], tmp_path / "0.parquet", SCHEMA)
    with watch("copy", "all", tmp_path, 5, every_s=0.05):
        write_rows([{"a": 1}] * 2, tmp_path / "1.parquet", SCHEMA)
        (tmp_path / "2.parquet").write_bytes(b"PAR1 half a file")
        while "3/5" not in seen:
            time.sleep(0.05)
            seen += capsys.readouterr().out
        write_rows([{"a": 1}] * 2, tmp_path / "2.parquet", SCHEMA)
    lines = (seen + capsys.readouterr().out).splitlines()
    assert len(lines) == 3
    assert lines[0] == MARK + "copy: all: going on at 1 of 5 rows"
    assert lines[1] == MARK + "copy: all: 3/5 rows (60.0 %)"
    assert lines[2].startswith(MARK + "copy: all: 5/5 rows (100 %)")


def test_files_are_handed_on_once_and_only_new_ones(tmp_path: Path) -> None:
    """What earlier runs wrote is not this run's work, and what comes between the last look and the end is."""
    write_rows([{"a": 1}], tmp_path / "old.parquet", SCHEMA)
    seen: list[str] = []
    looked = threading.Event()

    def see(files: list[Path]) -> None:
        seen.extend(path.name for path in files)
        looked.set()

    with watch_files(tmp_path, see, every_s=0.02):
        write_rows([{"a": 1}], tmp_path / "1.parquet", SCHEMA)
        assert looked.wait(60)
        (tmp_path / "1.parquet").unlink()
        write_rows([{"a": 1}], tmp_path / "2.parquet", SCHEMA)
    assert seen == ["1.parquet", "2.parquet"]


def test_a_phase_tells_now_and_then_and_at_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Thousands of small tasks must not fill the log."""
    phase = Phase("copy", "all", 1000, every_s=3600)
    for _ in range(1000):
        phase.add(1)
    (told,) = capsys.readouterr().out.splitlines()
    assert told.startswith(MARK + "copy: all: 1,000/1,000 rows (100 %), ")


def test_a_line_tells_how_far_how_fast_and_how_long() -> None:
    """Who watches wants to know when to come back; before a rate is known, no number rather than a wrong one."""
    assert line("rows", 500, 2000, 50.0) == "rows: 500/2,000 rows (25.0 %), 50 rows/s, about 30 s left"
    assert line("rows", 2000, 2000, 0.25) == "rows: 2,000/2,000 rows (100 %), 0.25 rows/s"
    assert line("tests", 0, 0, 0.0) == "tests: 0/0 rows (0 %)"


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
