"""What the ingress notes is what the replica reads, whatever the client says."""

import time

from z1ray.serving.notes import ARRIVED_HEADER, QUEUED_HEADER, Note, read_note, with_note


def test_a_note_tells_the_time_since_and_the_queue() -> None:
    """A deadline counts from the arrival at the endpoint, not from where the queue ends."""
    headers = {name.decode(): value.decode() for name, value in with_note([(b"host", b"here")], 7)}
    assert headers["host"] == "here"
    note = read_note(headers)
    assert note.queued == 7
    assert 0 <= note.waited_s < 5
    assert 100 <= read_note({**headers, ARRIVED_HEADER: str(time.time() - 100)}).waited_s < 105
    assert read_note({**headers, ARRIVED_HEADER: str(time.time() + 100)}).waited_s == 0


def test_a_client_cannot_write_one() -> None:
    """It could shrink its own budget only, but also break the reader."""
    made_up = [(ARRIVED_HEADER.upper().encode(), b"yesterday"), (QUEUED_HEADER.encode(), b"-9")]
    assert [name for name, _ in with_note(made_up, 0)] == [ARRIVED_HEADER.encode(), QUEUED_HEADER.encode()]


def test_a_request_without_one_has_just_come() -> None:
    """The replica's own, which proves its cap."""
    assert read_note({"host": "here"}) == Note(0.0, 0)
