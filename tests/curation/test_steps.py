"""The bookkeeping of curation."""

from z1ray.curation import steps

ROW = {
    "trajectory_id": "p#short#0",
    "problem_id": "p",
    "text": "<think>a</think>b",
    "num_tokens": 3,
    "finish_reason": "stop",
    "error": None,
}


def rows(**changes):
    return steps.start([ROW | changes], {"p": "why?"})


def test_start_keeps_all_and_changes_nothing_of_its_input():
    """Later steps rely on every row being there, untagged, with its question."""
    before = dict(ROW)
    (row,) = rows()
    assert (row["text"], row["question"], row["kept"], row["drop_reason"]) == ("ab", "why?", True, None)
    assert before == ROW


def test_rows_unusable_in_themselves():
    """Each has one reason, the most basic one."""
    assert steps.unusable(rows(), False) == {}
    assert steps.unusable(rows(text=None, error="too long", finish_reason="error"), False) == {"p#short#0": "failed"}
    assert steps.unusable(rows(text="<think>\n</think>", finish_reason="length"), False) == {"p#short#0": "empty"}
    assert steps.unusable(rows(finish_reason="length"), False) == {"p#short#0": "truncated"}
    assert steps.unusable(rows(finish_reason="length"), True) == {}


def test_unproven_rows():
    """Not run and failed are told apart."""
    facts = [{"verified": value, "trajectory_id": str(value)} for value in (True, False, None)]
    assert steps.unproven(facts) == {"False": "tests_failed", "None": "unverified"}


def test_the_first_reason_stays():
    """A row's reason is why it was dropped, not what else was wrong with it."""
    dropped = steps.drop(steps.drop(rows(), {"p#short#0": "truncated"}), {"p#short#0": "duplicate"})
    assert [row["drop_reason"] for row in dropped] == ["truncated"]
    assert steps.kept(dropped) == []


def test_summary_accounts_for_every_row():
    """Kept and dropped must add up to what came in."""
    both = [*steps.drop(rows(), {"p#short#0": "empty"}), *steps.record(rows(), {"p#short#0": {"verified": True}})]
    assert steps.summary(both) == {
        "num_rows": 2,
        "num_kept": 1,
        "num_tokens": 3,
        "dropped": {"empty": 1},
        "verified": {"not_run": 1, "passed": 1},
        "verdicts": {},
    }
