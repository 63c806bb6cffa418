"""Ids that come twice."""

import pytest

from z1ray.errors import UserError
from z1ray.problems.repeats import Repeats, Seen


def noted(ids):
    repeats = Repeats()
    for id_ in ids:
        repeats.note(id_)
    return repeats


def test_the_id_that_comes_twice_is_named():
    """Among millions, the id is what the user can search for."""
    ids = [f"s/{number}" for number in range(1000)] + ["s/77"]
    with pytest.raises(UserError, match="s/77"):
        noted(ids).refuse(ids, "problem_id")


def test_different_ids_pass_without_a_second_reading():
    """Reading a remote source again costs minutes."""

    def again():
        raise AssertionError("read again")
        yield ""

    noted(["a", "b"]).refuse(again(), "problem_id")
    noted([]).refuse(again(), "problem_id")


def test_a_shared_hash_is_no_shared_id():
    """A night's run must not be refused for an accident of hashing."""
    noted(["a", "a"]).refuse(["a", "b"], "problem_id")


def test_keys_are_seen_once():
    """Also when the table has grown several times."""
    seen = Seen()
    keys = [f"s/{number}" for number in range(5000)]
    assert all(seen.add(key) for key in keys)
    assert not any(seen.add(key) for key in keys)
    assert seen.add("s/5000")
