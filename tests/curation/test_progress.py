"""What a running curation says."""

from z1ray.curation.progress import line


def test_a_line_tells_how_far_how_fast_and_how_long():
    """Who watches wants to know when to come back."""
    assert line("rows", 500, 2000, 50.0) == "rows: 500/2,000 rows (25 %), 50 rows/s, about 30 s left"
    assert line("rows", 2000, 2000, 50.0) == "rows: 2,000/2,000 rows (100 %), 50 rows/s"
    assert line("tests", 0, 0, 0.0) == "tests: 0/0 rows (0 %), 0 rows/s"
